# SPDX-License-Identifier: Apache-2.0

"""Reading cached images through their nodes, to verify them."""
