# SPDX-License-Identifier: Apache-2.0

"""Whole commands of ours, timed in pairs with those of today's clients.

    python -m tests.benchmarks [--only list …] [--pairs N]

A file a group of rows (`single_node`, `fleet`), one for how pairs are timed
(`pairs`), two for programs that are run and measured (`fleet_program`, and
`program` behind the line to one Glance, `relay`), one for what is printed
(`table`). What we are compared with besides: `bare` and `million`.
"""
