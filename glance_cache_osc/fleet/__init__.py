# SPDX-License-Identifier: Apache-2.0

"""The nodes of a command: configuration, selection and operations."""
