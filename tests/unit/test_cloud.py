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

"""What OpenStackClient already holds of a cloud."""

import gc
from typing import Any
from unittest import mock

from keystoneauth1 import access
from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session as ksa_session
from keystoneauth1.identity import v3
from openstack import connection
from openstack.config import cloud_region
import pytest
import requests

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud
from glance_cache_osc.fleet import node
from glance_cache_osc.model import images
from tests.cli import payloads as p
from tests.unit import conftest

FORM = "It is a list of items with 'name' and 'endpoint'."


class Manager:
    """Those parts of osc-lib's client manager that a cloud may read."""

    def __init__(
        self,
        session: ksa_session.Session,
        config: dict[str, Any],
        endpoint: str | None = None,
    ) -> None:
        region = mock.create_autospec(
            cloud_region.CloudRegion, instance=True, spec_set=True
        )
        type(region).config = mock.PropertyMock(return_value=config)
        region.get_session_endpoint.return_value = endpoint
        self.region = region
        self.session = session
        self.sdk_connection = mock.create_autospec(
            connection.Connection, instance=True
        )
        self.sdk_connection.config = region
        self.auth_ref: access.AccessInfo | None = None


def with_nodes(session: ksa_session.Session, nodes: Any) -> cloud.Cloud:
    """A cloud whose part of clouds.yaml has these nodes."""
    return cloud.Cloud(Manager(session, {'image_cache_nodes': nodes}))


def test_the_session_is_that_of_openstackclient(
    session: ksa_session.Session,
) -> None:
    assert cloud.Cloud(Manager(session, {})).session is session


@pytest.mark.parametrize(
    ('found', 'expected'),
    [
        ('http://glance.example:9292', 'http://glance.example:9292'),
        ('http://glance.example:9292/v2/', 'http://glance.example:9292'),
        ('https://cloud.example/image', 'https://cloud.example/image'),
        ('', None),
        (None, None),
    ],
)
def test_the_image_endpoint_is_a_root_url(
    session: ksa_session.Session, found: str | None, expected: str | None
) -> None:
    manager = Manager(session, {}, found)

    assert cloud.Cloud(manager).image_endpoint() == expected


def test_an_image_endpoint_that_needs_a_login_that_is_not_to_be_had(
    session: ksa_session.Session,
) -> None:
    """The token was refused meanwhile, and Keystone is down."""
    manager = Manager(session, {})
    manager.region.get_session_endpoint.side_effect = (
        ksa_exceptions.ConnectFailure('Unable to\nestablish connection')
    )

    with pytest.raises(errors.NodeError) as raised:
        cloud.Cloud(manager).image_endpoint()

    assert str(raised.value) == (
        'Keystone could not be asked for a token: Unable to establish '
        'connection. The node was not asked. Is Keystone up?'
    )
    manager.region.get_session_endpoint.assert_called_once_with('image')


@pytest.mark.parametrize('config', [{}, {'image_cache_nodes': None}])
def test_a_cloud_may_have_no_nodes(
    session: ksa_session.Session, config: dict[str, Any]
) -> None:
    assert cloud.Cloud(Manager(session, config)).configured_nodes() == []


def test_nodes_come_in_the_order_of_clouds_yaml(
    session: ksa_session.Session,
) -> None:
    listed = [
        {'name': 'edge-oslo', 'endpoint': 'http://10.1.0.5:9292/v2/'},
        {
            'name': 'edge-bergen',
            'endpoint': 'https://glance.bergen.example.net',
            'comment': 'what we do not know is passed over',
        },
    ]

    assert with_nodes(session, listed).configured_nodes() == [
        node.Node('edge-oslo', 'http://10.1.0.5:9292'),
        node.Node('edge-bergen', 'https://glance.bergen.example.net'),
    ]


def test_an_empty_list_names_no_nodes(session: ksa_session.Session) -> None:
    assert with_nodes(session, []).configured_nodes() == []


@pytest.mark.parametrize(
    ('nodes', 'why'),
    [
        ({'edge_oslo': 'http://10.1.0.5:9292'}, 'it is not a list'),
        ('edge-oslo', 'it is not a list'),
        (['edge-oslo'], 'an item is not a name and an endpoint'),
        ([None], 'an item is not a name and an endpoint'),
        ([{'name': 'oslo'}], "the node 'oslo' has no endpoint"),
        (
            [{'name': 'oslo', 'endpoint': ''}],
            "the node 'oslo' has no endpoint",
        ),
        (
            [{'name': 'oslo', 'endpoint': 9292}],
            "the node 'oslo' has no endpoint",
        ),
        (
            [{'endpoint': 'http://10.1.0.5:9292'}],
            "the node at 'http://10.1.0.5:9292' has no name",
        ),
        (
            [{'name': '', 'endpoint': 'http://10.1.0.5:9292'}],
            "the node at 'http://10.1.0.5:9292' has no name",
        ),
        (
            [{'name': 7, 'endpoint': 'http://10.1.0.5:9292'}],
            "the node at 'http://10.1.0.5:9292' has no name",
        ),
        (
            [
                {'name': 'oslo', 'endpoint': 'http://10.1.0.5:9292'},
                {'name': 'oslo', 'endpoint': 'http://10.1.0.6:9292'},
            ],
            "two nodes have the name 'oslo'",
        ),
    ],
)
def test_nodes_that_are_written_wrong(
    session: ksa_session.Session, nodes: Any, why: str
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        with_nodes(session, nodes).configured_nodes()

    assert str(caught.value) == (
        f"'image_cache_nodes' in clouds.yaml is wrong: {why}. {FORM}"
    )


def test_an_endpoint_that_is_none(session: ksa_session.Session) -> None:
    nodes = [{'name': 'oslo', 'endpoint': 'ftp://10.1.0.5'}]

    with pytest.raises(errors.UsageError) as caught:
        with_nodes(session, nodes).configured_nodes()

    assert str(caught.value) == (
        "'ftp://10.1.0.5' is not the endpoint of a node: it is not http://… "
        'or https://…. Give it as http://host:port, host:port or host.'
    )


def test_a_bare_host_takes_what_it_lacks_from_the_image_endpoint(
    session: ksa_session.Session,
) -> None:
    """In clouds.yaml as on the command line."""
    manager = Manager(
        session,
        {'image_cache_nodes': [{'name': 'oslo', 'endpoint': 'oslo.example'}]},
        'https://glance.example:443/image',
    )

    assert cloud.Cloud(manager).configured_nodes() == [
        node.Node('oslo', 'https://oslo.example:443/image')
    ]


def test_a_fleet_keeps_its_connections(session: ksa_session.Session) -> None:
    cloud.Cloud(Manager(session, {})).prepare(hosts=1000, connections=16)

    for url in ('http://edge.example', 'https://edge.example'):
        adapter = session.session.get_adapter(url)
        assert isinstance(adapter, ksa_session.TCPKeepAliveAdapter)
        assert isinstance(adapter, requests.adapters.HTTPAdapter)
        assert vars(adapter)['_pool_connections'] == 1002
        assert vars(adapter)['_pool_maxsize'] == 16


def test_what_is_loaded_is_put_out_of_the_collectors_way(
    session: ksa_session.Session,
) -> None:
    gc.unfreeze()

    try:
        cloud.Cloud(Manager(session, {})).prepare(hosts=1, connections=1)
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


HIDDEN = (
    "This login does not have the role 'admin': images that it may not see "
    'count as orphans, too.'
)


@pytest.mark.parametrize(
    ('roles', 'told'),
    [
        (['admin'], []),
        (['reader', 'admin'], []),
        (['member', 'cache_operator'], [HIDDEN]),
        # A login without Keystone.
        (None, []),
    ],
)
def test_who_may_not_see_all_images_is_told_so(
    session: ksa_session.Session,
    caplog: pytest.LogCaptureFixture,
    roles: list[str] | None,
    told: list[str],
) -> None:
    manager = Manager(session, {})
    if roles is not None:
        body = {'token': {'roles': [{'name': one} for one in roles]}}
        manager.auth_ref = access.AccessInfoV3(body)

    cloud.Cloud(manager).warn_of_hidden_images()

    assert caplog.messages == told


def logged_in_at(auth_url: str) -> cloud.Cloud:
    """A cloud whose Keystone is there."""
    auth = v3.Password(auth_url, username='admin', password='secret')
    return cloud.Cloud(Manager(ksa_session.Session(auth=auth), {}))


PLAIN = [
    node.Node('oslo', 'http://oslo.example:9292'),
    node.Node('bergen', 'https://bergen.example:9292'),
    node.Node('here', 'http://localhost:9292'),
    node.Node('tunnel', 'http://127.0.0.2:9292'),
    node.Node('six', 'http://[::1]:9292'),
    node.Node('http://10.0.0.1:9292', 'http://10.0.0.1:9292'),
]


@pytest.mark.parametrize(
    ('nodes', 'named'),
    [
        (
            PLAIN,
            'oslo (http://oslo.example:9292), http://10.0.0.1:9292',
        ),
        (
            [node.Node(f'e\x1b{at}', f'http://e{at}') for at in range(5)],
            'e\\x1b0 (http://e0), e\\x1b1 (http://e1), '
            'e\\x1b2 (http://e2) and 2 more',
        ),
    ],
)
def test_a_token_from_https_that_goes_over_http_is_told_once(
    caplog: pytest.LogCaptureFixture, nodes: list[node.Node], named: str
) -> None:
    logged_in_at('https://keystone.example').warn_of_plain_http(nodes)

    assert caplog.messages == [
        'The token of this login goes over http, where anyone on the way can '
        f'read it, to {named}. Use https there, or a tunnel.'
    ]


@pytest.mark.parametrize(
    ('auth_url', 'nodes'),
    [
        ('http://keystone.example', PLAIN),
        ('https://keystone.example', PLAIN[1:5]),
        ('https://keystone.example', []),
    ],
)
def test_nothing_is_told_of_what_is_as_it_was_meant(
    caplog: pytest.LogCaptureFixture, auth_url: str, nodes: list[node.Node]
) -> None:
    logged_in_at(auth_url).warn_of_plain_http(nodes)

    assert caplog.messages == []


def test_a_login_without_a_keystone_is_told_nothing(
    caplog: pytest.LogCaptureFixture, session: ksa_session.Session
) -> None:
    cloud.Cloud(Manager(session, {})).warn_of_plain_http(PLAIN)

    assert caplog.messages == []


def test_the_catalogue_is_that_of_the_image_endpoint(
    session: ksa_session.Session, web: conftest.Web
) -> None:
    """It is asked for nothing but the list: not for its versions."""
    web.answers(
        'GET',
        f'{p.GLANCE}/v2/images?id=in:{p.UBUNTU}&limit=1000',
        json=p.images(p.image(p.UBUNTU, 'ubuntu-24.04')),
    )

    manager = Manager(session, {}, f'{p.GLANCE}/v2')
    catalogue = cloud.Cloud(manager).catalogue()

    assert catalogue.by_id([p.UBUNTU]) == {
        p.UBUNTU: images.Image(p.UBUNTU, 'ubuntu-24.04', 5000000, ('fast',))
    }
    assert len(web.requests) == 1


def test_stores_are_those_of_the_image_endpoint(
    session: ksa_session.Session, web: conftest.Web
) -> None:
    web.answers('GET', f'{p.GLANCE}/v2/info/stores', json={'stores': []})

    stores = cloud.Cloud(Manager(session, {}, f'{p.GLANCE}/v2')).stores()

    assert stores.names() == []
    assert web.history[0].timeout == 600


def test_without_an_image_endpoint_there_are_no_stores(
    session: ksa_session.Session,
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        cloud.Cloud(Manager(session, {})).stores()

    assert str(caught.value) == (
        "This cloud has no image endpoint. See 'openstack endpoint list "
        "--service image'."
    )
