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


"""Whose turn it is: which image which node is asked for next."""

from collections.abc import Sequence

from glance_cache_osc.filling import fills


def to_ask(places: Sequence[fills.Place], downloads: int) -> list[fills.Fill]:
    """What to ask for now: rather on nodes that fetch nothing yet.

    :param places: where there is something open.
    :param downloads: how many may be under way at once; 0 for no limit.
    """
    wanted = [
        (place.waits, fill.urgency, fill)
        for place in places
        if place.takes
        for fill in place.lacking[:1]
    ]
    if not downloads:
        return [fill for *__, fill in wanted]
    under_way = sum(len(one.asked) for one in places if not one.stalled)
    room = max(downloads - under_way, 0)
    return [fill for *__, fill in sorted(wanted, key=_rank)[:room]]


def _rank(wanted: tuple[bool, int, fills.Fill]) -> tuple[bool, int]:
    return wanted[:2]
