# SPDX-License-Identifier: Apache-2.0

"""Faults on a real cloud, one at a time, and what `openstack` makes of them.

    python -m tests.faults

It prints a table, and fails if a row is not as it must be.
"""
