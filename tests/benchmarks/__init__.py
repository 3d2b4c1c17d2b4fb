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

"""Whole commands of ours, timed in pairs with those of today's clients.

    python -m tests.benchmarks [--only list …] [--pairs N]

A file a group of rows (`single_node`, `fleet`), one for how pairs are timed
(`pairs`), two for programs that are run and measured (`fleet_program`, and
`program` behind the line to one Glance, `relay`), one for what is printed
(`table`). What we are compared with besides: `bare` and `million`.
"""
