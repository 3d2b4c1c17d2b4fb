# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache report`: argv in, a page out."""

from collections.abc import Callable
import html.parser
import json
import pathlib
import re
from typing import Any

import pytest

from tests.cli import payloads as p
from tests.cli import policies
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

REPORT = ('--os-cloud', 'far', 'image', 'cache', 'report')
OUTPUT = ('--output', 'report.html')
DOWN = (
    'Cannot connect: Connection refused. Check that glance-api is running at '
    'this address.'
)


class Page(html.parser.HTMLParser):
    """The tables of a page by their IDs, as rows of texts; and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.tags: set[str] = set()
        self.text = ''
        self._rows: list[list[str]] = []
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        if tag == 'table':
            self._rows = self.tables[dict(attrs)['id']] = []
        elif tag == 'tr':
            self._rows.append([])
        elif tag in ('th', 'td'):
            self._rows[-1].append('')
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ('th', 'td'):
            self._cell = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._cell:
            self._rows[-1][-1] += data


@pytest.fixture(autouse=True)
def far(clouds_yaml: Callable[[str], None], tmp_path: pathlib.Path) -> None:
    clouds_yaml(policies.CLOUDS_YAML)
    (tmp_path / 'policy.yaml').write_text(policies.POLICY)


@pytest.fixture
def page(tmp_path: pathlib.Path) -> Callable[[], Page]:
    """Read the page that was written."""
    return lambda: Page((tmp_path / 'report.html').read_text('utf-8'))


def known(cloud: Cloud, *ids: str, gone: str = '') -> None:
    """Answer to the question which images Glance has."""
    items = policies.found(*(one for one in ids if one != gone))
    cloud.answers(
        'GET', f'{policies.IMAGES}?id=in:{",".join(ids)}', json=items
    )
    if gone:
        cloud.answers(
            'GET',
            f'{policies.IMAGES}?id=in:{gone}&os_hidden=true',
            json=p.images(),
        )


def answer(cloud: Cloud) -> None:
    """All nodes answer but that of Tromso."""
    for url in (policies.OSLO_1, policies.OSLO_2, policies.BERGEN):
        cloud.answers('GET', f'{url}/v2/cache', json=policies.BEFORE[url])
    url = f'{policies.TROMSO}/v2/cache'
    cloud.answers('GET', url, exc=ConnectionRefusedError)


def test_a_page_with_a_policy(
    cloud: Cloud, openstack: OpenStack, page: Callable[[], Page]
) -> None:
    answer(cloud)
    policies.answer_queries(cloud)
    known(cloud, p.FEDORA, p.ORPHAN, p.DEBIAN, p.UBUNTU, gone=p.ORPHAN)

    result = openstack(*REPORT, '--policy', 'policy.yaml', *OUTPUT)

    assert result == Result(
        1,
        '',
        f'Cannot read the cache of tromso ({policies.TROMSO}): {DOWN}\n',
    )
    found = page()
    assert found.tables['sites'] == [
        ['Site', 'Status', 'Nodes reachable', 'Cached', 'Queued', 'Size',
         'Missing', 'Extra'],
        ['tromso', 'unknown', '0 of 1', '', '', '', '', ''],
        ['oslo', 'incomplete', '2 of 2', '5', '1', '17.0 MB', '2', '1'],
        ['bergen', 'incomplete', '1 of 1', '2', '0', '10.0 MB', '1', '1'],
    ]  # fmt: skip
    assert found.tables['map'] == [
        ['Site', 'debian-13', 'fedora-42', 'ubuntu-24.04'],
        ['tromso', '', '?', ''],
        ['oslo', '1/2 +1', '2/2', '1/2'],
        ['bergen', '0/1', '1', '1/1'],
    ]
    assert found.tables['nodes'][1:] == [
        ['tromso', 'tromso', policies.TROMSO, 'unreachable', '', '', '', DOWN],
        ['oslo-1', 'oslo', policies.OSLO_1, 'ok', '2', '1', '5.0 MB',
         'Orphans: 1.'],
        ['oslo-2', 'oslo', policies.OSLO_2, 'ok', '3', '0', '12.0 MB', ''],
        ['bergen-1', 'bergen', policies.BERGEN, 'ok', '2', '0', '10.0 MB',
         ''],
    ]  # fmt: skip
    assert found.tables['orphans'][1:] == [[p.ORPHAN, '7 B', 'oslo-1']]
    words = ' '.join(found.text.split())
    assert 'Nodes reachable3 of 4' in words
    assert 'Sites in sync0 of 3' in words
    assert re.search(
        r'Taken on \d{4}-\d\d-\d\d \d\d:\d\d UTC with openstack image cache '
        r'report --policy policy.yaml --output report.html ',
        words,
    )


def test_a_page_without_a_policy_needs_nothing_from_elsewhere(
    cloud: Cloud,
    openstack: OpenStack,
    page: Callable[[], Page],
    tmp_path: pathlib.Path,
) -> None:
    url = f'{policies.BERGEN}/v2/cache'
    cloud.answers('GET', url, json=policies.BEFORE[policies.BERGEN])
    known(cloud, p.UBUNTU, p.FEDORA)

    result = openstack(*REPORT, '--node', 'bergen-1', *OUTPUT)

    assert result == Result(0, '', '')
    found = page()
    assert found.tables['map'] == [
        ['Site', 'ubuntu-24.04', 'fedora-42'],
        ['bergen', '1/1', '1/1'],
    ]
    assert 'orphans' not in found.tables
    assert found.tags.isdisjoint({'script', 'link', 'img', 'iframe'})
    text = (tmp_path / 'report.html').read_text()
    assert set(re.findall(r'(?:https?:)?//[\w.:-]+', text)) == {
        policies.BERGEN
    }
    assert '@import' not in text
    assert 'url(' not in text
    assert 'lang="en"' in text
    # Each cell has headers for who hears the page instead of seeing it.
    assert text.count('scope="col"') == 8 + 3 + 8
    assert text.count('scope="row"') == 3
    assert 'secret' not in text


def test_empty_caches_are_a_page(
    cloud: Cloud, openstack: OpenStack, page: Callable[[], Page]
) -> None:
    cloud.answers('GET', f'{policies.BERGEN}/v2/cache', json=p.cache())

    result = openstack(*REPORT, '--node', 'bergen-1', *OUTPUT)

    assert result == Result(0, '', '')
    assert (
        'No images are cached or queued, and no images belong on the sites.'
        in page().text
    )
    assert 'map' not in page().tables


def test_names_are_text(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
    page: Callable[[], Page],
) -> None:
    """Whatever an image, a node or a site is called."""
    bad = '<script>alert(1)</script>"\'&amp;\x1b\u202e'
    name = bad.replace('&', '')
    node = {'name': name, 'endpoint': policies.BERGEN, 'site': f'site {bad}'}
    entry = {'auth': {'auth_url': p.KEYSTONE}, 'image_cache_nodes': [node]}
    clouds_yaml(json.dumps({'clouds': {'far': entry}}))
    cloud.answers(
        'GET',
        f'{policies.BERGEN}/v2/cache',
        json=p.cache(p.cached(p.UBUNTU), queued=[bad]),
    )
    image = p.image(p.UBUNTU, f'{bad}\ud800')
    cloud.answers(
        'GET', f'{policies.IMAGES}?id=in:{p.UBUNTU}', json=p.images(image)
    )

    result = openstack(*REPORT, *OUTPUT)

    assert result == Result(0, '', '')
    found = page()
    shown = '<script>alert(1)</script>"\'&amp;\\x1b\\u202e'
    assert found.tables['map'] == [
        ['Site', f'{shown}\\ud800', shown],
        [f'site {shown}', '1/1', '0/1 +1'],
    ]
    assert found.tables['nodes'][1][0] == shown.replace('&', '')
    assert 'script' not in found.tags


def test_an_old_page_stays_if_nothing_was_asked(
    cloud: Cloud, openstack: OpenStack, tmp_path: pathlib.Path
) -> None:
    (tmp_path / 'report.html').write_text('old')

    result = openstack(*REPORT, '--node', 'nowhere', *OUTPUT)

    assert result.code == 2
    assert (tmp_path / 'report.html').read_text() == 'old'
    assert cloud.requests == []


def test_a_file_is_required(cloud: Cloud, openstack: OpenStack) -> None:
    result = openstack(*REPORT)

    assert result.code == 2
    assert 'the following arguments are required: --output' in result.err
    assert cloud.requests == []


def test_a_minus_sign_is_standard_output(
    cloud: Cloud, openstack: OpenStack, tmp_path: pathlib.Path
) -> None:
    cloud.answers('GET', f'{policies.BERGEN}/v2/cache', json=p.cache())

    result = openstack(*REPORT, '--site', 'bergen', '--output', '-')

    assert (result.code, result.err) == (0, '')
    assert Page(result.out).tables['nodes'][1][0] == 'bergen-1'
    assert not (tmp_path / '-').exists()
