# SPDX-License-Identifier: Apache-2.0

"""A soak: commands on a fleet with faults, for hours.

    python -m tests.soak [--seconds N] [--nodes N] [--seed N] [--csv FILE]

`watch` runs the whole time. One prompt runs `metrics` and `sync` in turns.
Random faults come and go on random nodes (see `tests.simulated`). The run
prints a table and fails if one of its checks fails.
"""
