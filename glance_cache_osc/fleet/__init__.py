# SPDX-License-Identifier: Apache-2.0

"""Which nodes, and one operation on all of them."""
