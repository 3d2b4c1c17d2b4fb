# SPDX-License-Identifier: Apache-2.0

"""The only code that speaks HTTP to a node."""
