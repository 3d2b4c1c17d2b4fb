# SPDX-License-Identifier: Apache-2.0

"""The page of `report` in a browser, and metrics for Prometheus."""

import html
import pathlib
import re
import shutil

import pytest

from tests import cloud as clouds
from tests.cloud import Cache
from tests.cloud import Images
from tests.functional.conftest import OpenStack
from tests.shell import run_program

ROOT = pathlib.Path(__file__).parents[2]
CACHE = ('--os-cloud', 'demo-cloud', 'image', 'cache')
POLICY = """\
version: 1
sets:
  base: {images: [alpha, 'b*']}
sites:
  - match: ['*']
    sets: [base]
"""


@pytest.fixture
def ids(
    cloud: clouds.Cloud,
    caches: list[Cache],
    images: Images,
    tmp_path: pathlib.Path,
) -> list[str]:
    """Two images that belong everywhere; one node has the first."""
    cloud.clouds_yaml(
        tmp_path / 'clouds.yaml',
        {'edge-oslo': caches[0].url, 'edge-bergen': caches[1].url},
        sites={'edge-oslo': 'oslo', 'edge-bergen': 'bergen'},
    )
    (tmp_path / 'policy.yaml').write_text(POLICY)
    made = [images('alpha'), images('b <script>alert(1)</script>')]
    caches[0].fill(made[0])
    return made


@pytest.mark.skipif(
    shutil.which('chromium') is None, reason='there is no Chromium'
)
def test_a_browser_shows_the_page(
    openstack: OpenStack, ids: list[str], tmp_path: pathlib.Path
) -> None:
    result = openstack(
        *(*CACHE, 'report', '--policy', 'policy.yaml'),
        *('--output', 'report.html'),
    )
    # The tables, as the browser has understood them.
    done = run_program(
        *('chromium', '--headless', '--no-sandbox', '--disable-gpu'),
        *('--disable-quic', '--no-first-run', '--disable-sync'),
        *('--disable-background-networking', '--dump-dom'),
        f'--user-data-dir={tmp_path / "chromium"}',
        (tmp_path / 'report.html').as_uri(),
    )

    assert done.code == 0, done.err
    assert (result.code, result.out, result.err) == (0, '', '')
    table = re.search(r'<table id="map".*?</table>', done.out, re.DOTALL)
    assert table
    cells = re.findall(r'<t[hd](?: [^>]*)?>(.*?)</t[hd]>', table[0])
    assert [html.unescape(one) for one in cells] == [
        *('Site', 'alpha', 'b <script>alert(1)</script>'),
        *('bergen', '0/1', '0/1'),
        *('oslo', '1/1', '0/1'),
    ]
    assert '<script' not in done.out


def test_metrics_are_true(
    openstack: OpenStack, ids: list[str], tmp_path: pathlib.Path
) -> None:
    result = openstack(
        *(*CACHE, 'metrics', '--policy', 'policy.yaml'),
        *('--output', 'cache.prom'),
    )

    assert (result.code, result.out, result.err) == (0, '', '')
    text = (tmp_path / 'cache.prom').read_text()
    labels = 'cloud="demo-cloud",node="edge-oslo",site="oslo"'
    assert f'_node_up{{{labels}}} 1.0' in text
    assert f'_entries{{{labels},state="cached"}} 1.0' in text
    assert f'_size_bytes{{{labels}}} 1000.0' in text
    assert f'_orphans{{{labels}}} 0.0' in text
    missing = re.findall(
        r'_missing_nodes\{.*image_id="(.*?)",site="(\w+)"\} (.*)', text
    )
    assert sorted(missing) == sorted(
        [
            (ids[0], 'oslo', '0.0'),
            (ids[1], 'oslo', '1.0'),
            (ids[0], 'bergen', '1.0'),
            (ids[1], 'bergen', '1.0'),
        ]
    )
    if shutil.which('promtool'):
        checked = run_program('promtool', 'check', 'metrics', stdin=text)
        assert (checked.code, checked.out) == (0, '')


@pytest.mark.skipif(
    shutil.which('promtool') is None, reason='there is no promtool'
)
def test_prometheus_accepts_the_rules_of_the_manual() -> None:
    rules = ROOT / 'doc/source/examples/alerts.yaml'
    done = run_program('promtool', 'check', 'rules', rules)

    assert done.code == 0, done.err
    assert 'SUCCESS: 5 rules found' in done.out
