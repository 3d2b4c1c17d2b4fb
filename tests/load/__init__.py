# SPDX-License-Identifier: Apache-2.0

"""Time and memory of commands with many entries and many nodes.

    python -m tests.load [--only list …] [--nodes 1000 3000 10000]

It prints a table, and fails if a bound is exceeded. The nodes are simulated
(see `tests.simulated`), because no machine has a million images.
`growing_fleet` runs the `commands` on more and more nodes, and `growth`
checks that time and memory grow in proportion to the nodes.
"""
