# SPDX-License-Identifier: Apache-2.0

"""Mutation testing: the tests must detect changes of the code."""
