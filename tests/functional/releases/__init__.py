# SPDX-License-Identifier: Apache-2.0

"""Nodes of every release, and the programs that the plugin replaces."""
