# SPDX-License-Identifier: Apache-2.0

"""Checks the console output in the README and the manual.

The commands in the blocks of `.. code-block:: console` run in their order with
a real cloud of three nodes and some images. Their output must match that of the
block, except for IDs, ports and times. `python -m tests.transcripts --write`
updates the blocks.

A comment `.. transcript: …` defines actions before the next block; see
`scene.Scene`.
"""
