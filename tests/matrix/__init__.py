# SPDX-License-Identifier: Apache-2.0

"""What each command does on each kind of node, on real servers.

`python -m tests.matrix` prints the table of the manual; with a file's name
it writes it there. A functional test compares it with the manual's.
"""
