# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache queue --wait`: argv in, output out."""

from collections.abc import Callable
import sys
import time
from typing import Any

import pytest

from glance_cache_osc.filling import fills
from glance_cache_osc.filling import waiting
from tests.cli import fleets
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

CACHE = f'{p.GLANCE}/v2/cache'
EDGE_CACHE = f'{p.EDGE}/v2/cache'
IMAGES = f'{p.GLANCE}/v2/images'
HTML = {'Content-Type': 'text/html; charset=UTF-8'}

TABLE = """\
+--------------------------------------+--------------+----------------+----------------------------+
| ID                                   | Name         | Result         | Node                       |
+--------------------------------------+--------------+----------------+----------------------------+
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | already cached | http://glance.example:9292 |
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | cached         | http://glance.example:9292 |
| 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 | fedora-42    | cached         | http://glance.example:9292 |
+--------------------------------------+--------------+----------------+----------------------------+
"""
JSON = """\
[
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "Result": "already cached",
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Result": "cached",
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "0f8f89be-fed2-44c4-91f8-b2a0c3b15f27",
    "Name": "fedora-42",
    "Result": "cached",
    "Node": "http://glance.example:9292"
  }
]
"""
YAML = """\
- ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Name: ubuntu-24.04
  Node: http://glance.example:9292
  Result: already cached
- ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Name: debian-13
  Node: http://glance.example:9292
  Result: cached
- ID: 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27
  Name: fedora-42
  Node: http://glance.example:9292
  Result: cached
"""
CSV = """\
"ID","Name","Result","Node"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04","already cached","http://glance.example:9292"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13","cached","http://glance.example:9292"
"0f8f89be-fed2-44c4-91f8-b2a0c3b15f27","fedora-42","cached","http://glance.example:9292"
"""
VALUE = """\
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 already cached http://glance.example:9292
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 cached http://glance.example:9292
0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 fedora-42 cached http://glance.example:9292
"""
NAMES = {
    p.UBUNTU: 'ubuntu-24.04',
    p.DEBIAN: 'debian-13',
    p.FEDORA: 'fedora-42',
}
STALLED = (
    'Possible causes: the download takes longer than --stall-after, the disk '
    'of the cache is full, or an earlier fill failed, which ends the cache '
    'thread of glance-api. Check the log of glance-api and the disk, restart '
    'glance-api, and queue the images again with --force.\n'
)

#: What a test of one image that does not arrive asks for.
DEBIAN_ALONE = (
    *('image', 'cache', 'queue', 'debian-13', '--wait'),
    *('-f', 'value', '-c', 'Name', '-c', 'Result', '-c', 'Node'),
)

TWO_ON_TWO = (
    *('--os-cloud', 'far', 'image', 'cache', 'queue', '--all-nodes'),
    *('debian-13', 'fedora-42', '-f', 'value'),
    *('-c', 'Name', '-c', 'Result', '-c', 'Node'),
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have hundredths of a second for seconds."""
    monkeypatch.setattr(fills, '_MIN_PAUSE', 0.01)
    monkeypatch.setattr(fills, '_MAX_ABSENCE', 0.02)
    # One test is about that; none of the others takes so long.
    monkeypatch.setattr(waiting, '_MIN_CHECK', 3600.0)


def answer_names(cloud: Cloud, *image_ids: str) -> None:
    """Answer what the images of these names are."""
    names = ','.join(NAMES[one] for one in image_ids)
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:{names}',
        json=p.images(*(p.image(one, NAMES[one]) for one in image_ids)),
    )


def answer_cache(cloud: Cloud, *looks: Any, url: str = CACHE) -> None:
    """Answer to one look after the other; the last goes for all others."""
    cloud.answers(
        'GET',
        url,
        *(
            one if 'cached_images' not in one else {'json': one}
            for one in looks
        ),
    )


def changes(cloud: Cloud) -> list[str]:
    """The requests that changed something."""
    return [one for one in cloud.requests if not one.startswith('GET')]


def answer_three_that_arrive(cloud: Cloud) -> None:
    """Ubuntu is there, Debian was queued, Fedora is neither."""
    answer_names(cloud, p.UBUNTU, p.DEBIAN, p.FEDORA)
    ubuntu, debian, fedora = map(p.cached, (p.UBUNTU, p.DEBIAN, p.FEDORA))
    before = p.cache(ubuntu, queued=[p.DEBIAN])
    after = [
        p.cache(ubuntu, queued=[p.DEBIAN, p.FEDORA]),
        p.cache(ubuntu, queued=[p.DEBIAN, p.FEDORA]),
        p.cache(ubuntu, debian, queued=[p.FEDORA]),
        # For a moment at the end of a fill it is in neither list.
        p.cache(ubuntu, debian),
        p.cache(ubuntu, debian, fedora),
    ]

    def look(_request: Any, _context: Any) -> Any:
        return after.pop(0) if changes(cloud) else before

    cloud.answers('GET', CACHE, json=look)
    cloud.answers('PUT', f'{CACHE}/{p.FEDORA}', status_code=202)


THREE = ('ubuntu-24.04', 'debian-13', 'fedora-42')


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', TABLE),
        ('json', JSON),
        ('yaml', YAML),
        ('csv', CSV),
        ('value', VALUE),
    ],
)
def test_waits_until_all_are_there(
    cloud: Cloud, openstack: OpenStack, name: str, expected: str
) -> None:
    answer_three_that_arrive(cloud)

    result = openstack('image', 'cache', 'queue', '-f', name, *THREE, '--wait')

    assert result == Result(0, expected, '')
    assert changes(cloud) == [f'PUT {CACHE}/{p.FEDORA}']
    # On a busy machine, the first poll comes before the queue request.
    assert 6 <= cloud.requests.count(f'GET {CACHE}') <= 7


def test_verbose_tells_of_each_arrival_on_a_line(
    cloud: Cloud, openstack: OpenStack
) -> None:
    answer_three_that_arrive(cloud)

    result = openstack('-v', 'image', 'cache', 'queue', *THREE, '--wait')

    assert (result.code, result.out) == (0, TABLE)
    assert [
        one for one in result.err.split('\n') if one.startswith('Cached')
    ] == [
        f'Cached: image debian-13 ({p.DEBIAN}) on {p.GLANCE}',
        f'Cached: image fedora-42 ({p.FEDORA}) on {p.GLANCE}',
    ]


def test_a_terminal_sees_a_display_and_keeps_the_rows(
    cloud: Cloud, openstack: OpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setenv('COLUMNS', '120')
    monkeypatch.setattr(waiting, '_MIN_UPDATE', 0.001)
    answer_three_that_arrive(cloud)

    result = openstack(
        *('image', 'cache', 'queue', *THREE, '--wait'), terminal=True
    )

    assert (result.code, result.out) == (0, TABLE)
    assert ' 0/2  0 B / 10.0 MB' in result.err
    assert f'debian-13 on {p.GLANCE}' in result.err
    assert ' 2/2  10.0 MB / 10.0 MB' in result.err
    # The cursor is there again, and the display is not.
    assert result.err.endswith('\x1b[?25h\r\x1b[1A\x1b[2K\x1b[1A\x1b[2K')


def test_nothing_to_wait_for_is_no_wait(
    cloud: Cloud, openstack: OpenStack
) -> None:
    answer_names(cloud, p.DEBIAN)
    answer_cache(cloud, p.cache(p.cached(p.DEBIAN)))

    result = openstack(*DEBIAN_ALONE)

    assert result == Result(0, f'debian-13 already cached {p.GLANCE}\n', '')
    assert cloud.requests.count(f'GET {CACHE}') == 1


def test_an_image_that_glance_refuses_does_not_keep_the_others(
    cloud: Cloud, openstack: OpenStack
) -> None:
    answer_names(cloud, p.FEDORA, p.DEBIAN)
    answer_cache(
        cloud,
        p.cache(),
        p.cache(queued=[p.DEBIAN]),
        p.cache(p.cached(p.DEBIAN)),
    )
    cloud.answers(
        'PUT',
        f'{CACHE}/{p.FEDORA}',
        status_code=400,
        text=p.fault(
            '400 Bad Request',
            'Only images with status active can be targeted for queueing',
        ),
        headers=HTML,
    )
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(
        *('image', 'cache', 'queue', 'fedora-42', 'debian-13', '--wait'),
        *('-f', 'value', '-c', 'Name', '-c', 'Result'),
    )

    assert result == Result(
        1,
        'debian-13 cached\n',
        f'Cannot cache image fedora-42 ({p.FEDORA}) on {p.GLANCE}: Only '
        'images with status active can be targeted for queueing. Wait until '
        'the image is active, or reactivate it.\n',
    )


@pytest.mark.parametrize(
    'trouble',
    [
        {'status_code': 503, 'text': 'busy'},
        fleets.IS_SILENT,
    ],
)
def test_a_node_that_fails_for_a_while_is_asked_again(
    cloud: Cloud, openstack: OpenStack, trouble: dict[str, Any]
) -> None:
    """It was asked once for the image, and has not forgotten it."""
    answer_names(cloud, p.DEBIAN)
    answer_cache(
        cloud,
        p.cache(),
        p.cache(queued=[p.DEBIAN]),
        trouble,
        trouble,
        p.cache(queued=[p.DEBIAN]),
        p.cache(p.cached(p.DEBIAN)),
    )
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(*DEBIAN_ALONE)

    assert result == Result(0, f'debian-13 cached {p.GLANCE}\n', '')
    assert changes(cloud) == [f'PUT {CACHE}/{p.DEBIAN}']


def test_a_node_that_was_started_anew_is_asked_anew(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """It lists what it was asked for, and has forgotten to fetch it."""
    answer_names(cloud, p.DEBIAN)
    answer_cache(
        cloud,
        p.cache(),
        p.cache(queued=[p.DEBIAN]),
        fleets.REFUSES,
        p.cache(queued=[p.DEBIAN]),
        p.cache(queued=[p.DEBIAN]),
        p.cache(p.cached(p.DEBIAN)),
    )
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(*DEBIAN_ALONE)

    assert result == Result(0, f'debian-13 cached {p.GLANCE}\n', '')
    assert changes(cloud) == [f'PUT {CACHE}/{p.DEBIAN}'] * 2


def test_an_entry_that_somebody_dropped_has_failed(
    cloud: Cloud, openstack: OpenStack
) -> None:
    answer_names(cloud, p.DEBIAN)
    answer_cache(cloud, p.cache(), p.cache(queued=[p.DEBIAN]), p.cache())
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(*DEBIAN_ALONE)

    assert result == Result(
        1,
        '',
        f'Cannot cache image debian-13 ({p.DEBIAN}) on {p.GLANCE}: The image '
        'is no longer cached or queued there. The entry was deleted, or the '
        'fill failed: check the log of the node.\n',
    )


def test_an_image_that_is_deleted_in_glance_has_failed(
    cloud: Cloud, openstack: OpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node has it in its queue for ever. Glance has to miss it twice."""
    monkeypatch.setattr(waiting, '_MIN_CHECK', 0.01)
    answer_names(cloud, p.DEBIAN)
    still_there = {'json': p.images(p.image(p.DEBIAN, 'debian-13'))}
    gone = {'json': p.images()}
    by_id = f'{IMAGES}?id=in:{p.DEBIAN}'
    cloud.answers('GET', by_id, still_there, gone, still_there, gone)
    cloud.answers('GET', f'{by_id}&os_hidden=true', json=p.images())
    answer_cache(cloud, p.cache(queued=[p.DEBIAN]))

    result = openstack(*DEBIAN_ALONE)

    assert result == Result(
        1,
        '',
        f'Cannot cache image debian-13 ({p.DEBIAN}) on {p.GLANCE}: The image '
        'was deleted from Glance.\n',
    )
    # Missed once, seen again, missed twice.
    assert sum('os_hidden' in one for one in cloud.requests) == 3


def test_time_is_up(cloud: Cloud, openstack: OpenStack) -> None:
    """What is asked for stays asked for: nothing is withdrawn."""
    answer_names(cloud, p.UBUNTU, p.DEBIAN, p.FEDORA)

    def held(_request: Any, _context: Any) -> Any:
        """Ubuntu arrives at once, the others never do."""
        asked = [
            one for one in NAMES if f'PUT {CACHE}/{one}' in cloud.requests
        ]
        cached = [p.cached(one) for one in asked if one == p.UBUNTU]
        return p.cache(
            *cached, queued=[one for one in asked if one != p.UBUNTU]
        )

    cloud.answers('GET', CACHE, json=held)
    for image_id in NAMES:
        cloud.answers('PUT', f'{CACHE}/{image_id}', status_code=202)

    result = openstack(
        *('image', 'cache', 'queue', *THREE, '--wait', '--timeout', '1'),
        *('-f', 'value', '-c', 'Name', '-c', 'Result'),
    )

    assert result == Result(
        1,
        'ubuntu-24.04 cached\ndebian-13 queued\nfedora-42 queued\n',
        f'Not cached on {p.GLANCE}: debian-13 ({p.DEBIAN}), fedora-42 '
        f'({p.FEDORA}): Not cached within 1 seconds. Queued images stay '
        'queued. To wait longer, use --timeout. If glance-api was restarted '
        "after the request, use 'openstack image cache queue --force'.\n",
    )
    assert changes(cloud) == [
        f'PUT {CACHE}/{image_id}'
        for image_id in (p.UBUNTU, p.DEBIAN, p.FEDORA)
    ]


def queued_by(cloud: Cloud) -> Any:
    """What a node lists that fills nothing."""
    put = [one for one in NAMES if f'PUT {CACHE}/{one}' in cloud.requests]
    return p.cache(queued=put)


def test_an_accepted_image_is_never_listed(
    cloud: Cloud, openstack: OpenStack
) -> None:
    answer_names(cloud, p.UBUNTU)
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers('PUT', f'{CACHE}/{p.UBUNTU}', status_code=202)

    result = openstack(
        *('image', 'cache', 'queue', 'ubuntu-24.04', '--timeout', '1'),
        *('--wait', '-f', 'value'),
    )

    assert result == Result(
        1,
        '',
        f'Not cached on {p.GLANCE}: ubuntu-24.04 ({p.UBUNTU}): The node '
        'accepted the request, but lists no such entry. A client may be '
        "downloading it. Check again with 'openstack image cache list', and "
        'check the log of the node.\n',
    )


def test_a_cached_image_is_not_replaced_by_yoga(
    cloud: Cloud, openstack: OpenStack
) -> None:
    answer_names(cloud, p.UBUNTU)
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers('PUT', f'{CACHE}/{p.UBUNTU}', status_code=200, text='null')

    for wait in ([], ['--wait']):
        result = openstack(
            *('image', 'cache', 'queue', 'ubuntu-24.04', '--force', *wait),
            *('-f', 'value'),
        )

        assert (result.code, result.out) == (1, '')
        assert result.err.endswith(
            f' image ubuntu-24.04 ({p.UBUNTU}) on {p.GLANCE}: This Glance '
            'does not replace cached images. Delete the entries, and queue '
            'the images again.\n'
        )
        assert result.err.count('\n') == 1


@pytest.mark.parametrize('options', [[], ['--force']])
@pytest.mark.parametrize('wait', [[], ['--wait', '--timeout', '1.5']])
def test_yoga_needs_its_prefetcher(
    cloud: Cloud, openstack: OpenStack, options: list[str], wait: list[str]
) -> None:
    """Also to fill what was queued before a restart."""
    answer_names(cloud, p.UBUNTU)
    queued = [p.UBUNTU] if options else []
    cloud.answers(
        'GET',
        CACHE,
        {'json': p.cache(queued=queued)},
        {'json': p.cache(queued=[p.UBUNTU])},
    )
    cloud.answers('PUT', f'{CACHE}/{p.UBUNTU}', status_code=200, text='null')

    result = openstack(
        *('image', 'cache', 'queue', 'ubuntu-24.04', *options, *wait),
        *('-f', 'value', '-c', 'Result'),
    )

    assert result.out == 'queued\n'
    hint, *more = result.err.splitlines()
    assert hint == (
        "Images stay queued until 'glance-cache-prefetcher' runs on "
        f'{p.GLANCE}.'
    )
    assert (result.code, len(more)) == ((1, 1) if wait else (0, 0))


def test_time_is_up_before_an_image_is_queued(
    cloud: Cloud, openstack: OpenStack
) -> None:
    answer_names(cloud, *NAMES)
    cloud.answers('GET', CACHE, json=lambda *_: queued_by(cloud))
    cloud.answers('PUT', f'{CACHE}/{p.UBUNTU}', status_code=202)

    result = openstack(
        *('image', 'cache', 'queue', *THREE, '--wait', '--timeout', '1'),
        *('--max-downloads', '1', '-f', 'value', '-c', 'Name'),
    )

    assert (result.code, result.out) == (1, 'ubuntu-24.04\n')
    assert result.err.endswith(
        f'Not cached within 1 seconds. Not queued: debian-13 ({p.DEBIAN}), '
        f'fedora-42 ({p.FEDORA}). Queued images stay queued. To wait longer, '
        'use --timeout. If glance-api was restarted after the request, use '
        "'openstack image cache queue --force'.\n"
    )


def test_time_is_up_before_a_node_has_its_turn(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Callable[[str], None]
) -> None:
    clouds_yaml(p.FLEET)
    answer_names(cloud, p.UBUNTU)
    cloud.answers('GET', CACHE, json=lambda *_: queued_by(cloud))
    cloud.answers('GET', EDGE_CACHE, json=p.cache())
    cloud.answers('PUT', f'{CACHE}/{p.UBUNTU}', status_code=202)

    result = openstack(
        *('--os-cloud', 'far', 'image', 'cache', 'queue', 'ubuntu-24.04'),
        *('--all-nodes', '--max-downloads', '1', '--timeout', '1'),
        *('-f', 'value', '-c', 'Name', '-c', 'Node'),
    )

    assert (result.code, result.out) == (1, 'ubuntu-24.04 edge-oslo\n')
    assert result.err.splitlines()[-1] == (
        f'Not cached on edge-bergen ({p.EDGE}): ubuntu-24.04 ({p.UBUNTU}): Not '
        'cached within 1 seconds. No image is queued. To wait longer, use '
        '--timeout.'
    )


def test_time_is_up_on_a_node_that_answers_no_more(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """What it has queued, and whether it still has it, nobody knows."""
    answer_names(cloud, p.DEBIAN)
    answer_cache(
        cloud,
        p.cache(),
        p.cache(queued=[p.DEBIAN]),
        fleets.REFUSES,
    )
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(*DEBIAN_ALONE, '--timeout', '1')

    assert result == Result(
        1,
        f'debian-13 queued {p.GLANCE}\n',
        f'Not cached on {p.GLANCE}: debian-13 ({p.DEBIAN}): Not cached within '
        '1 seconds. Last response: Cannot connect: Connection refused. Check '
        'that glance-api is running at this address.\n',
    )


def test_a_node_may_be_unreachable_when_time_is_up(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Reported as ever, and the exit code is 0."""
    answer_names(cloud, p.DEBIAN)
    answer_cache(cloud, p.cache(), fleets.REFUSES)
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(
        *DEBIAN_ALONE, '--timeout', '1', '--allow-unreachable', '1'
    )

    assert (result.code, result.out) == (0, f'debian-13 queued {p.GLANCE}\n')
    assert result.err.startswith(f'Not cached on {p.GLANCE}: ')


def test_an_image_that_does_not_arrive_is_never_allowed(
    cloud: Cloud, openstack: OpenStack
) -> None:
    answer_names(cloud, p.DEBIAN)
    answer_cache(cloud, p.cache(), p.cache(queued=[p.DEBIAN]))
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(
        *DEBIAN_ALONE, '--timeout', '1', '--allow-unreachable', '1'
    )

    assert result.code == 1


def test_a_node_that_stalls_is_told_and_the_others_are_waited_for(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    """The last image arrives on the other one after that was told."""
    clouds_yaml(p.FLEET)
    answer_names(cloud, p.DEBIAN, p.FEDORA)
    two = [p.DEBIAN, p.FEDORA]
    asked: list[float] = []

    def stalled(_request: Any, _context: Any) -> Any:
        return p.cache(
            queued=[
                one for one in two if f'PUT {CACHE}/{one}' in cloud.requests
            ]
        )

    def edge(_request: Any, _context: Any) -> Any:
        if f'PUT {EDGE_CACHE}/{p.FEDORA}' not in cloud.requests:
            return p.cache()
        asked.append(time.monotonic())
        if told(sys.stderr.getvalue()):  # type: ignore[union-attr]
            return p.cache(*map(p.cached, two))
        if asked[-1] > asked[0] + 0.4:
            return p.cache(p.cached(p.DEBIAN), queued=[p.FEDORA])
        return p.cache(queued=two)

    def told(text: str) -> int:
        return text.count(
            f'Stalled: no newly cached image on {oslo} for 0.8 seconds. '
        )

    oslo = f'edge-oslo ({p.GLANCE})'
    cloud.answers('GET', CACHE, json=stalled)
    cloud.answers('GET', EDGE_CACHE, json=edge)
    for url in (CACHE, EDGE_CACHE):
        for image_id in two:
            cloud.answers('PUT', f'{url}/{image_id}', status_code=202)

    result = openstack(*TWO_ON_TWO, '--wait', '--stall-after', '0.8')

    assert (result.code, result.out) == (
        1,
        'debian-13 queued edge-oslo\nfedora-42 queued edge-oslo\n'
        'debian-13 cached edge-bergen\nfedora-42 cached edge-bergen\n',
    )
    assert result.err == (
        f'Stalled: no newly cached image on {oslo} for 0.8 seconds. '
        f'{STALLED}Not cached on {oslo}: debian-13 ({p.DEBIAN}), fedora-42 '
        f'({p.FEDORA}): Stalled: no newly cached image for 0.8 seconds.\n'
    )


class Caches:
    """Two nodes on which an image arrives with the look after the next."""

    def __init__(self, cloud: Cloud) -> None:
        self._cached: dict[str, list[str]] = {}
        self._queued: dict[str, list[str]] = {}
        self._looks: dict[str, int] = {}
        self.most_under_way = 0
        for url in (CACHE, EDGE_CACHE):
            self._cached[url], self._queued[url] = [], []
            self._looks[url] = 0
            cloud.answers('GET', url, json=self._look)
            for image_id in (p.DEBIAN, p.FEDORA):
                cloud.answers(
                    'PUT',
                    f'{url}/{image_id}',
                    status_code=202,
                    text=self._ask,
                )

    def _ask(self, request: Any, _context: Any) -> str:
        url, __, image_id = request.url.rpartition('/')
        self._queued[url].append(image_id)
        self.most_under_way = max(
            self.most_under_way, sum(map(len, self._queued.values()))
        )
        return ''

    def _look(self, request: Any, _context: Any) -> Any:
        url = request.url
        self._looks[url] += 1
        if self._queued[url] and self._looks[url] % 2:
            self._cached[url].append(self._queued[url].pop(0))
        return p.cache(
            *map(p.cached, self._cached[url]), queued=list(self._queued[url])
        )


ALL_THERE = """\
debian-13 cached edge-oslo
fedora-42 cached edge-oslo
debian-13 cached edge-bergen
fedora-42 cached edge-bergen
"""


def test_one_at_a_time_is_asked_for_image_by_image(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    """The first is everywhere before the second is anywhere."""
    clouds_yaml(p.FLEET)
    answer_names(cloud, p.DEBIAN, p.FEDORA)
    caches = Caches(cloud)

    result = openstack(*TWO_ON_TWO, '--max-downloads', '1')

    assert result == Result(0, ALL_THERE, '')
    assert changes(cloud) == [
        f'PUT {CACHE}/{p.DEBIAN}',
        f'PUT {EDGE_CACHE}/{p.DEBIAN}',
        f'PUT {CACHE}/{p.FEDORA}',
        f'PUT {EDGE_CACHE}/{p.FEDORA}',
    ]
    assert caches.most_under_way == 1


@pytest.mark.parametrize(
    ('argv', 'most'),
    [
        (['--max-downloads', '2'], 2),
        (['--max-downloads', '3', '--wait'], 3),
        (['--max-downloads', '99'], 4),
        (['--wait'], 4),
    ],
)
def test_no_more_than_allowed_are_under_way(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    monkeypatch: pytest.MonkeyPatch,
    argv: list[str],
    most: int,
) -> None:
    # All that may be asked for is, before anything can arrive.
    monkeypatch.setattr(fills, '_MIN_PAUSE', 0.3)
    clouds_yaml(p.FLEET)
    answer_names(cloud, p.DEBIAN, p.FEDORA)
    caches = Caches(cloud)

    result = openstack(*TWO_ON_TWO, *argv)

    assert result == Result(0, ALL_THERE, '')
    assert caches.most_under_way == most
    assert len(changes(cloud)) == 4


def test_force_asks_and_waits_for_what_is_queued(
    cloud: Cloud, openstack: OpenStack
) -> None:
    answer_names(cloud, p.DEBIAN)
    answer_cache(
        cloud,
        p.cache(queued=[p.DEBIAN]),
        p.cache(queued=[p.DEBIAN]),
        p.cache(p.cached(p.DEBIAN)),
    )
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(*DEBIAN_ALONE, '--force')

    assert result == Result(0, f'debian-13 cached {p.GLANCE}\n', '')


def test_the_end_of_a_download_of_a_cached_image_is_not_known(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """The node lists the old entry until then."""
    answer_names(cloud, p.DEBIAN)
    answer_cache(cloud, *(2 * [p.cache(p.cached(p.DEBIAN))]))
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(*DEBIAN_ALONE, '--force')

    assert result == Result(
        0,
        f'debian-13 queued {p.GLANCE}\n',
        'The wait does not include images that were already cached, because '
        f'nodes list them as cached during the download: debian-13 '
        f"({p.DEBIAN}). To check their data, use 'openstack image cache "
        "verify'.\n",
    )


def test_a_download_that_is_refused_is_not_one_without_an_end(
    cloud: Cloud, openstack: OpenStack
) -> None:
    answer_names(cloud, p.DEBIAN)
    answer_cache(cloud, p.cache(p.cached(p.DEBIAN)))
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=403)

    result = openstack(*DEBIAN_ALONE, '--force')

    assert (result.code, result.out) == (1, '')
    assert 'Log in as an administrator' in result.err
    assert 'The wait does not include' not in result.err


@pytest.mark.parametrize('option', ['--timeout', '--stall-after'])
def test_how_to_wait_is_for_those_who_wait(
    cloud: Cloud, openstack: OpenStack, option: str
) -> None:
    result = openstack('image', 'cache', 'queue', 'debian-13', option, '5')

    assert result == Result(
        2,
        '',
        f'{option} requires --wait. Add --wait.\n',
    )
    assert cloud.requests == []


def test_a_dry_run_does_not_wait(cloud: Cloud, openstack: OpenStack) -> None:
    answer_names(cloud, p.DEBIAN)
    answer_cache(cloud, p.cache())

    result = openstack(
        *('image', 'cache', 'queue', 'debian-13', '--wait', '--dry-run'),
        *('-f', 'value', '-c', 'Name', '-c', 'Action'),
    )

    downloads = 'Downloads: 1 (5.0 MB); nodes: 1; sites: 1.\n'
    assert result == Result(0, 'debian-13 queue\n', downloads)
    assert changes(cloud) == []
