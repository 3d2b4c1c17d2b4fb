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

"""Where a session is held to the bounds; that they hold is in `tests.fuzz`."""

from typing import Any

from keystoneauth1 import session as ksa_session

from glance_cache_osc.transport import wire

ENDPOINT = 'http://10.1.0.5:9292'


def at(session: ksa_session.Session, url: str) -> Any:
    """What a session sends with, there."""
    return session.session.get_adapter(url)


def test_a_session_is_guarded_at_one_endpoint(
    session: ksa_session.Session,
) -> None:
    elsewhere = at(session, 'http://keystone.example')

    wire.guard(session, ENDPOINT, 4)

    guarded = at(session, f'{ENDPOINT}/v2/images')
    assert type(guarded) is type(wire.adapter(1, 1))
    assert vars(guarded)['_pool_connections'] == 1
    assert vars(guarded)['_pool_maxsize'] == 4
    assert at(session, 'http://keystone.example') is elsewhere


def test_what_is_guarded_stays_as_it_is(session: ksa_session.Session) -> None:
    """A fleet has made ready for many."""
    session.mount('http://', wire.adapter(1002, 16))
    ready = at(session, ENDPOINT)

    wire.guard(session, ENDPOINT, 4)

    assert at(session, ENDPOINT) is ready
