# SPDX-License-Identifier: Apache-2.0

"""The paths and payloads of a node's cache: the only code that knows them."""
