# SPDX-License-Identifier: Apache-2.0

"""A cloud: its login and configuration, and its image service."""
