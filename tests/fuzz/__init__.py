# SPDX-License-Identifier: Apache-2.0

"""Malformed, slow and endless responses of nodes, over real sockets."""
