# SPDX-License-Identifier: Apache-2.0

"""Faults in a real cloud, one at a time, and the output of `openstack`.

    python -m tests.faults

It prints a table, and fails if a row does not have the expected result.
"""
