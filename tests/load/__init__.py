# SPDX-License-Identifier: Apache-2.0

"""Time and memory of commands with many entries.

    python -m tests.load

It prints a table, and fails if a bound is exceeded. The nodes are simulated
(see `tests.simulated`), because no machine has a million images.
"""
