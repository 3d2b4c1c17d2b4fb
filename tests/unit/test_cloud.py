# SPDX-License-Identifier: Apache-2.0

"""What OpenStackClient already holds of a cloud."""

from typing import Any
from unittest import mock

from keystoneauth1 import access
from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session as ksa_session
from keystoneauth1.identity import v3
from openstack import config
from openstack.config import cloud_region
import pytest

from glance_cache_osc import errors
from glance_cache_osc.cloud import catalogue
from glance_cache_osc.cloud import cloud
from glance_cache_osc.fleet import nodes
from glance_cache_osc.model import images
from glance_cache_osc.transport import engine
from glance_cache_osc.transport import login
from glance_cache_osc.transport import loop as loops
from glance_cache_osc.transport import settings
from tests.cli import payloads as p
from tests.unit import conftest


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
        type(region).name = mock.PropertyMock(return_value='mine')
        region.get_session_endpoint.return_value = endpoint
        self.region = region
        self.session = session
        self.sdk_connection = mock.Mock(spec_set=['config'], config=region)


def cloud_of(manager: Manager, timeout: float = 30) -> cloud.Cloud:
    """A cloud of which nothing is asked."""
    return cloud.Cloud.logged_in(manager, mock.Mock(spec_set=[]), timeout)


def test_the_session_is_that_of_openstackclient(
    session: ksa_session.Session,
) -> None:
    assert cloud_of(Manager(session, {})).session is session


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

    assert cloud_of(manager).image_endpoint() == expected


def test_an_image_endpoint_that_needs_a_login_that_is_not_to_be_had(
    session: ksa_session.Session,
) -> None:
    """The token was refused meanwhile, and Keystone is down."""
    manager = Manager(session, {})
    manager.region.get_session_endpoint.side_effect = (
        ksa_exceptions.ConnectFailure('Unable to\nestablish connection')
    )

    with pytest.raises(errors.NodeError) as raised:
        cloud_of(manager).image_endpoint()

    assert str(raised.value) == (
        'Cannot get a token from Keystone: Unable to establish connection. No '
        'request was sent to the node. Check that Keystone is up.'
    )
    manager.region.get_session_endpoint.assert_called_once_with('image')


def test_a_setting_is_that_of_clouds_yaml(
    session: ksa_session.Session,
) -> None:
    made = cloud_of(Manager(session, {'image_cache_nodes': ['oslo']}))

    assert made.setting('image_cache_nodes') == ['oslo']
    assert made.setting('image_cache_nodes_file') is None


def test_a_client_has_the_login_and_the_settings_of_the_cloud(
    session: ksa_session.Session,
    loop: loops.Loop,
    web: conftest.Web,
    sent: list[engine.Request],
) -> None:
    session.verify = '/mine.pem'
    web.answers('GET', f'{p.EDGE}/v2/cache', text='[]')
    client = cloud.Cloud.logged_in(
        Manager(session, {}), loop.engine, 30
    ).client(p.EDGE, 7)

    loop.run(client.request('GET', '/v2/cache'))

    (request,) = sent
    assert (request.timeout, request.max_size) == (7, 8 * 2**20)
    assert request.settings == settings.Settings(verify='/mine.pem')
    assert web.history[0].headers['X-Auth-Token'] == conftest.TOKEN


def test_all_clients_of_a_cloud_share_one_login(
    loop: loops.Loop, web: conftest.Web
) -> None:
    """And Keystone has as long as the cloud is told."""
    given: list[str] = []

    class Session(ksa_session.Session):
        def get_auth_headers(self, *_: Any, **__: Any) -> dict[str, str]:
            given.append('a token')
            return {'X-Auth-Token': conftest.TOKEN}

    for url in (p.EDGE, p.GLANCE):
        web.answers('GET', f'{url}/v2/cache', text='[]')
    made = cloud.Cloud.logged_in(Manager(Session(), {}), loop.engine, 30)

    for url in (p.EDGE, p.GLANCE):
        loop.run(made.client(url, 7).request('GET', '/v2/cache'))

    assert given == ['a token']


def test_each_keystone_has_the_timeout_of_the_command(
    session: ksa_session.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    clouds_yaml = mock.create_autospec(config.OpenStackConfig)
    far = clouds_yaml.return_value.get_one.return_value.get_session
    far.return_value = ksa_session.Session()
    monkeypatch.setattr(config, 'OpenStackConfig', clouds_yaml)
    logins = mock.Mock(wraps=login.Login)
    monkeypatch.setattr(login, 'Login', logins)

    cloud_of(Manager(session, {}), timeout=7).named('far')

    assert [one.args for one in logins.call_args_list] == [
        (session, 7, ''),
        (far.return_value, 7, 'far'),
    ]


@pytest.mark.parametrize(
    ('roles', 'expected'),
    [
        (['admin'], True),
        (['reader', 'admin'], True),
        # Glance ignores the case.
        (['Admin'], True),
        (['administrator'], False),
        (['member', 'cache_operator'], False),
        ([], False),
        # A login without Keystone.
        (None, False),
    ],
)
def test_administrators_are_known_to_see_all_images(
    run: conftest.Run,
    session: Any,
    roles: list[str] | None,
    expected: bool,
) -> None:
    if roles is not None:
        body = {
            'token': {
                'roles': [{'name': one} for one in roles],
                'expires_at': '2999-01-01T00:00:00Z',
            }
        }
        session.auth.auth_ref = access.AccessInfoV3(body, conftest.TOKEN)
    made = cloud_of(Manager(session, {}))

    assert run(made.sees_all_images()) is expected


def logged_in_at(auth_url: str) -> cloud.Cloud:
    """A cloud whose Keystone is there."""
    auth = v3.Password(auth_url, username='admin', password='secret')
    return cloud_of(Manager(ksa_session.Session(auth=auth), {}))


def labels(chosen: list[nodes.Node]) -> dict[str, str]:
    return {one.endpoint: one.label for one in chosen}


PLAIN = [
    nodes.Node(name='oslo', endpoint='http://oslo.example:9292'),
    nodes.Node(name='bergen', endpoint='https://bergen.example:9292'),
    nodes.Node(name='here', endpoint='http://localhost:9292'),
    nodes.Node(name='tunnel', endpoint='http://127.0.0.2:9292'),
    nodes.Node(name='six', endpoint='http://[::1]:9292'),
    nodes.Node(name='http://10.0.0.1:9292', endpoint='http://10.0.0.1:9292'),
]


@pytest.mark.parametrize(
    ('chosen', 'named'),
    [
        (
            PLAIN,
            'oslo (http://oslo.example:9292), http://10.0.0.1:9292',
        ),
        (
            [
                nodes.Node(name=f'e\x1b{at}', endpoint=f'http://e{at}')
                for at in range(5)
            ],
            'e\\x1b0 (http://e0), e\\x1b1 (http://e1), '
            'e\\x1b2 (http://e2) and 2 more',
        ),
    ],
)
def test_a_token_from_https_that_goes_over_http_is_told_once(
    caplog: pytest.LogCaptureFixture, chosen: list[nodes.Node], named: str
) -> None:
    logged_in_at('https://keystone.example').warn_of_plain_http(labels(chosen))

    assert caplog.messages == [
        f'The token of this login is sent unencrypted over http to {named}: '
        'anyone on the network path can read it. Use https or a tunnel.'
    ]


@pytest.mark.parametrize(
    ('auth_url', 'chosen'),
    [
        ('http://keystone.example', PLAIN),
        ('https://keystone.example', PLAIN[1:5]),
        ('https://keystone.example', []),
    ],
)
def test_nothing_is_told_of_what_is_as_it_was_meant(
    caplog: pytest.LogCaptureFixture, auth_url: str, chosen: list[nodes.Node]
) -> None:
    logged_in_at(auth_url).warn_of_plain_http(labels(chosen))

    assert caplog.messages == []


def test_a_login_without_a_keystone_is_told_nothing(
    caplog: pytest.LogCaptureFixture, session: ksa_session.Session
) -> None:
    cloud_of(Manager(session, {})).warn_of_plain_http(labels(PLAIN))

    assert caplog.messages == []


def test_an_image_endpoint_without_tls_is_told_once(
    caplog: pytest.LogCaptureFixture,
    session: ksa_session.Session,
    loop: loops.Loop,
    web: conftest.Web,
) -> None:
    """A node with the same endpoint is not told again."""
    query = f'{p.GLANCE}/v2/images?id=in:{p.UBUNTU}&limit=1000'
    web.answers('GET', query, json=p.images(p.image(p.UBUNTU, 'ubuntu')))
    session.auth.auth_url = 'https://keystone.example'  # type: ignore[union-attr]
    manager = Manager(session, {}, f'{p.GLANCE}/v2')
    made = cloud.Cloud.logged_in(manager, loop.engine, 30)

    for _ in range(2):
        loop.run(made.catalogue().by_id([p.UBUNTU]))
    made.warn_of_plain_http({p.GLANCE: 'a node'})

    assert [one for one in caplog.messages if 'http' in one] == [
        f'The token of this login is sent unencrypted over http to {p.GLANCE}:'
        ' anyone on the network path can read it. Use https or a tunnel.'
    ]


def test_the_catalogue_is_that_of_the_image_endpoint(
    session: ksa_session.Session,
    loop: loops.Loop,
    web: conftest.Web,
    sent: list[engine.Request],
) -> None:
    """It is asked for nothing but the list: not for its versions."""
    web.answers(
        'GET',
        f'{p.GLANCE}/v2/images?id=in:{p.UBUNTU}&limit=1000',
        json=p.images(p.image(p.UBUNTU, 'ubuntu-24.04')),
    )

    manager = Manager(session, {}, f'{p.GLANCE}/v2')
    made = cloud.Cloud.logged_in(manager, loop.engine, 30).catalogue()

    assert loop.run(made.by_id([p.UBUNTU])) == {
        p.UBUNTU: images.Image(
            p.UBUNTU, 'ubuntu-24.04', 5000000, ('fast',), p.MD5
        )
    }
    (request,) = sent
    assert (request.timeout, request.max_size) == (60, 64 * 2**20)


def test_images_that_are_gone_or_inactive_cannot_be_cached(
    run: conftest.Run,
) -> None:
    clouds = [
        mock.create_autospec(cloud.Cloud, instance=True) for __ in range(2)
    ]
    mine, other = [
        mock.create_autospec(catalogue.Catalogue, instance=True)
        for __ in range(2)
    ]
    for one, its_catalogue in zip(clouds, (mine, other), strict=True):
        one.catalogue.return_value = its_catalogue
    mine.by_id.return_value = {
        p.UBUNTU: images.Image(p.UBUNTU),
        p.FEDORA: images.Image(p.FEDORA, active=False),
    }
    other.by_id.side_effect = errors.CatalogueError('No response')
    ids = [p.UBUNTU, p.DEBIAN, p.FEDORA]
    keys = [(one, image_id) for one in clouds for image_id in ids]

    found = run(cloud.not_cacheable(keys))

    assert {key: str(error) for key, error in found.items()} == {
        (clouds[0], p.DEBIAN): 'The image was deleted from Glance.',
        (clouds[0], p.FEDORA): str(errors.ImageInactive()),
    }
    mine.by_id.assert_called_once_with(ids)


def test_stores_are_those_of_the_image_endpoint(
    session: ksa_session.Session,
    loop: loops.Loop,
    web: conftest.Web,
    sent: list[engine.Request],
) -> None:
    web.answers('GET', f'{p.GLANCE}/v2/info/stores', json={'stores': []})

    manager = Manager(session, {}, f'{p.GLANCE}/v2')
    made = cloud.Cloud.logged_in(manager, loop.engine, 30)
    stores = loop.run(made.image_stores())

    deletion = f'{p.GLANCE}/v2/stores/fast/{p.UBUNTU}'
    web.answers('DELETE', deletion, status_code=204)

    assert loop.run(stores.names()) == []
    loop.run(stores.delete(images.Image(p.UBUNTU), 'fast'))
    # A deletion may take minutes, a connection may not.
    assert [(one.connect_timeout, one.timeout) for one in sent] == [
        (60, 60),
        (60, 600),
    ]


def test_an_image_endpoint_that_is_not_valid_has_a_source(
    session: ksa_session.Session,
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        cloud_of(Manager(session, {}, 'ftp://x')).image_endpoint()

    assert str(caught.value) == (
        "The cloud's image endpoint is not valid: 'ftp://x' is not a node "
        'endpoint: the URL must start with http:// or https://. Correct the '
        'service catalogue or clouds.yaml.'
    )


def test_without_an_image_endpoint_there_are_no_stores(
    run: conftest.Run,
    session: ksa_session.Session,
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        run(cloud_of(Manager(session, {})).image_stores())

    assert str(caught.value) == (
        "This cloud has no image endpoint. See 'openstack endpoint list "
        "--service image'."
    )
