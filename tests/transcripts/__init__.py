# SPDX-License-Identifier: Apache-2.0

"""What README and manual show of a terminal is what happens on one.

The blocks of `.. code-block:: console` are run, in their order, against a
real cloud with three nodes and a few images; what they show must be what
comes, but for IDs, ports and times. `python -m tests.transcripts --write`
puts in what comes.

A comment `.. transcript: …` says what happens before the next block; see
`scene.Scene`.
"""
