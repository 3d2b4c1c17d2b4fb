# SPDX-License-Identifier: Apache-2.0

"""Many entries: how long they take, and how much memory.

    python -m tests.load

It prints a table, and fails if a bound does not hold. The nodes are
simulated (see `tests.simulated`): no machine has a million images.
"""
