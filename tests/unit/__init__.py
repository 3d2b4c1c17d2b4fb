# SPDX-License-Identifier: Apache-2.0

"""Tests of one module each, and of the layout as a whole."""
