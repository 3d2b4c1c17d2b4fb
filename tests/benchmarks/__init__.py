# SPDX-License-Identifier: Apache-2.0

"""Complete commands of this plugin, timed in pairs with other clients.

    python -m tests.benchmarks [--only list …] [--pairs N]

`single_node`, `verification` and `fleet` contain the rows. `pairs` times pairs
of commands. `fleet_program` runs and measures a program; `program` does so
behind `tests.relay` to one Glance. `table` formats the output. `bare` and
`million` are lower bounds for comparison.
"""
