#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.


"""What README and manual show of a terminal is what happens on one.

The blocks of `.. code-block:: console` are run, in their order, against a
real cloud with three nodes and a few images; what they show must be what
comes, but for IDs, ports and times. `python -m tests.transcripts --write`
puts in what comes.

A comment `.. transcript: …` says what happens before the next block; see
`scene.Scene`.
"""
