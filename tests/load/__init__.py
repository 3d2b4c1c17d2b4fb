# SPDX-License-Identifier: Apache-2.0

"""Many entries and many nodes: how long they take, and how much memory.

    python -m tests.load [--only list …] [--nodes 1000 3000 10000]

It prints a table, and fails if a bound does not hold. The nodes are
simulated (see `tests.simulated`): no machine has a million images.
`growing_fleet` runs the `commands` on more and more nodes, and `growth`
decides whether time and memory grow in proportion.
"""
