# SPDX-License-Identifier: Apache-2.0

"""The result of each command on each kind of node, with real servers.

`python -m tests.matrix` prints the table of the manual; `--write` writes it to
the manual. A functional test compares it with the manual.
"""
