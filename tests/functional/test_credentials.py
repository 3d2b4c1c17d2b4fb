# SPDX-License-Identifier: Apache-2.0

"""Application credentials with the access rules of the manual."""

from collections.abc import Iterator
import contextlib
import pathlib

import pytest

from tests import cloud as clouds
from tests import shell
from tests.cloud import Cache
from tests.cloud import Images
from tests.cloud import rest
from tests.functional.conftest import Glance
from tests.functional.credentials import CACHE
from tests.functional.credentials import Edges
from tests.functional.credentials import FULL
from tests.functional.credentials import READ_ONLY
from tests.functional.credentials import rules
from tests.functional.credentials import rules_file
from tests.relay import Relay

ALL = ('--all-nodes', '--auto-approve')
OSLO, BERGEN = ('--node', 'edge-oslo'), ('--node', 'edge-bergen')
WITHOUT_TYPE = '\n[keystone_authtoken]\nservice_type =\n'
#: Commands that do not change anything, and their exit codes.
READS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (0, (*CACHE, 'list')),
    (0, (*CACHE, 'list', '--orphans')),
    (0, (*CACHE, 'coverage', 'small', '--by-site')),
    (0, (*CACHE, 'node', 'list', '--image', 'small')),
    (0, (*CACHE, 'node', 'list', '--long')),
    (0, (*CACHE, 'node', 'check')),
    (0, (*CACHE, 'node', 'discover', '--catalogue')),
    (0, (*CACHE, 'site', 'list')),
    (0, (*CACHE, 'metrics')),
    (0, (*CACHE, 'report', '--output', 'report.html')),
    (3, (*CACHE, 'sync', 'small', '--check')),
)
#: Commands that change something or read image data.
CHANGES = (
    (*CACHE, 'queue', 'small', *BERGEN),
    (*CACHE, 'queue', 'small', *OSLO, '--wait'),
    (*CACHE, 'verify', *OSLO),
    (*CACHE, 'delete', 'small', *ALL),
    (*CACHE, 'sync', 'small', '--delete-others', *OSLO, '--auto-approve'),
    (*CACHE, 'clear', *ALL),
    (*CACHE, 'clean', *OSLO),
    (*CACHE, 'prune', *OSLO),
    ('image', 'delete', '--store', 'cheap', 'small'),
)


@pytest.fixture(scope='module')
def credentials(
    cloud: clouds.Cloud, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, str]]:
    """ID and secret of a credential with each set of rules."""
    folder = tmp_path_factory.mktemp('credentials')
    found = {}
    for kind in (READ_ONLY, FULL):
        created = shell.run_here(
            *('application', 'credential', 'create', f'image-cache-{kind}'),
            *('--role', 'admin', '-f', 'json'),
            *('--access-rules', str(rules_file(kind))),
            environment={**clouds.without_login(), **cloud.environment()},
            folder=folder,
        )
        assert created.code == 0, created.err
        found[kind] = {
            'application_credential_id': created.rows['ID'],
            'application_credential_secret': created.rows['Secret'],
        }
    return found


@pytest.fixture(scope='module')
def others(cloud: clouds.Cloud) -> Iterator[list[clouds.GlanceNode]]:
    """A node with the middleware alone, and one without service_type."""
    nodes = cloud.add(
        clouds.GlanceOptions(hidden='/v2/cache'),
        clouds.GlanceOptions(extra=WITHOUT_TYPE),
    )
    yield nodes
    for node in nodes:
        node.kill()


@pytest.fixture
def edges(
    cloud: clouds.Cloud,
    caches: list[Cache],
    credentials: dict[str, dict[str, str]],
    others: list[clouds.GlanceNode],
    tmp_path: pathlib.Path,
) -> Iterator[Edges]:
    """A node with the Cache API, and one with the middleware."""
    with contextlib.ExitStack() as stack:
        relays = {
            name: stack.enter_context(Relay(node.port.number))
            for name, node in (
                ('edge-oslo', cloud.glance[0]),
                ('edge-bergen', others[0]),
            )
        }
        yield Edges(cloud, credentials, relays, tmp_path)


@pytest.fixture
def small(images: Images, caches: list[Cache]) -> str:
    """An image that is cached on the first node alone."""
    made = images('small')
    caches[0].fill(made)
    return made


@pytest.fixture
def copied(small: str, glance: Glance) -> str:
    """The same, in two stores."""
    glance.copy(small, 'cheap')
    return small


def status(method: str, url: str, token: str) -> int:
    """The HTTP status of a request."""
    try:
        return rest.call(method, url, token=token).status
    except rest.RestError as error:
        return error.status


def test_the_read_only_rules_are_what_commands_that_read_need(
    edges: Edges, small: str
) -> None:
    """Neither fewer nor more."""
    for code, argv in READS:
        result = edges.run(READ_ONLY, *argv)
        assert (result.code, argv) == (code, argv), result.err
    assert edges.watch(READ_ONLY) == 0

    assert edges.used(READ_ONLY) == rules(READ_ONLY)


def test_the_full_rules_are_what_all_commands_need(
    edges: Edges, copied: str
) -> None:
    """Neither fewer nor more."""
    for argv in ((*CACHE, 'list'), (*CACHE, 'node', 'check'), *CHANGES):
        result = edges.run(FULL, *argv)
        assert (result.code, argv) == (0, argv), result.err

    assert edges.used(FULL) == rules(FULL)


def test_a_read_only_credential_changes_nothing(
    edges: Edges, copied: str, cache: Cache, glance: Glance
) -> None:
    before = cache.cached
    for argv in CHANGES:
        result = edges.run(READ_ONLY, *argv)
        if result.code == 0:
            # There was nothing to do.
            assert 'already cached' in result.out, argv
        else:
            assert result.code == 1, argv

    assert (cache.cached, cache.queued) == (before, set())
    assert glance.stores(copied) == {'fast', 'cheap'}


def test_all_other_calls_are_refused(
    edges: Edges, small: str, cloud: clouds.Cloud, token: str
) -> None:
    every = f'{cloud.glance[0].url}/v2/images'
    image = f'{every}/{small}'
    calls = [
        ('POST', every),
        ('PUT', f'{image}/file'),
        ('PATCH', image),
        ('DELETE', image),
        ('POST', f'{image}/actions/deactivate'),
        ('POST', f'{image}/import'),
        ('POST', f'{image}/members'),
    ]
    for kind in (READ_ONLY, FULL):
        limited = edges.token(kind)
        assert status('GET', image, limited) == 200
        assert {status(*call, limited) for call in calls} == {401}
        assert edges.run(kind, 'image', 'create', 'other').code == 1
        assert edges.run(kind, 'image', 'delete', small).code == 1

    assert status('GET', image, token) == 200


def test_a_node_without_service_type_refuses_the_credential(
    edges: Edges,
    small: str,
    cloud: clouds.Cloud,
    others: list[clouds.GlanceNode],
    token: str,
) -> None:
    """The node accepts other logins, and other nodes the credential."""
    untyped = others[1].url
    url = f'{untyped}/v2/cache'
    edges.write({'edge-oslo': cloud.glance[0].url, 'edge-tromso': untyped})

    result = edges.run(FULL, *CACHE, 'list', '-f', 'json')

    assert result.code == 1
    assert {row['Node'] for row in result.rows} == {'edge-oslo'}
    assert status('GET', url, edges.token(FULL)) == 401
    assert status('GET', url, token) == 200


def test_the_full_rules_include_the_read_only_rules() -> None:
    assert [one for one in rules(FULL) if one in rules(READ_ONLY)] == rules(
        READ_ONLY
    )
