# SPDX-License-Identifier: Apache-2.0

"""Tests of the released packages, installed as users install them."""
