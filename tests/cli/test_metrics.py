# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache metrics`: argv in, metrics out."""

from collections.abc import Callable
import json
import os
import pathlib
from typing import Any

from prometheus_client import parser
import pytest

from tests import web
from tests.cli import payloads as p
from tests.cli import policies
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

METRICS = ('--os-cloud', 'far', 'image', 'cache', 'metrics')
DOWN = (
    'Cannot read the cache of {0} (http://{0}.example:9292): Cannot connect: '
    'Connection refused. Check that glance-api is running at this address.\n'
)
#: Durations and the time of the run differ each time.
EXPECTED = f"""\
# HELP glance_image_cache_node_up Whether the cache could be read.
# TYPE glance_image_cache_node_up gauge
glance_image_cache_node_up{{cloud="far",node="oslo-1",site="oslo"}} 1.0
glance_image_cache_node_up{{cloud="far",node="oslo-2",site="oslo"}} 0.0
# HELP glance_image_cache_entries Entries, cached or queued.
# TYPE glance_image_cache_entries gauge
glance_image_cache_entries{{cloud="far",node="oslo-1",site="oslo",state="cached"}} 2.0
glance_image_cache_entries{{cloud="far",node="oslo-1",site="oslo",state="queued"}} 1.0
# HELP glance_image_cache_size_bytes Bytes of cached images.
# TYPE glance_image_cache_size_bytes gauge
glance_image_cache_size_bytes{{cloud="far",node="oslo-1",site="oslo"}} 5.000007e+06
# HELP glance_image_cache_hits Reads that the present entries have served.
# TYPE glance_image_cache_hits gauge
glance_image_cache_hits{{cloud="far",node="oslo-1",site="oslo"}} 6.0
# HELP glance_image_cache_orphans Entries whose images Glance does not have.
# TYPE glance_image_cache_orphans gauge
glance_image_cache_orphans{{cloud="far",node="oslo-1",site="oslo"}} 1.0
# HELP glance_image_cache_read_duration_seconds How long reading the list took.
# TYPE glance_image_cache_read_duration_seconds gauge
glance_image_cache_read_duration_seconds{{cloud="far",node="oslo-1",site="oslo"}} X
# HELP glance_image_cache_certificate_expiry_timestamp_seconds When the TLS certificate of the node expires.
# TYPE glance_image_cache_certificate_expiry_timestamp_seconds gauge
# HELP glance_image_cache_site_image_wanted_nodes Nodes of the site on which the image belongs.
# TYPE glance_image_cache_site_image_wanted_nodes gauge
glance_image_cache_site_image_wanted_nodes{{cloud="far",image="fedora-42",image_id="{p.FEDORA}",site="oslo"}} 2.0
glance_image_cache_site_image_wanted_nodes{{cloud="far",image="ubuntu-24.04",image_id="{p.UBUNTU}",site="oslo"}} 2.0
glance_image_cache_site_image_wanted_nodes{{cloud="far",image="debian-13",image_id="{p.DEBIAN}",site="oslo"}} 2.0
# HELP glance_image_cache_site_image_missing_nodes Nodes of the site on which the image is not cached.
# TYPE glance_image_cache_site_image_missing_nodes gauge
glance_image_cache_site_image_missing_nodes{{cloud="far",image="fedora-42",image_id="{p.FEDORA}",site="oslo"}} 0.0
glance_image_cache_site_image_missing_nodes{{cloud="far",image="ubuntu-24.04",image_id="{p.UBUNTU}",site="oslo"}} 1.0
glance_image_cache_site_image_missing_nodes{{cloud="far",image="debian-13",image_id="{p.DEBIAN}",site="oslo"}} 1.0
# HELP glance_image_cache_policy_resolved Whether all images of the policy were found.
# TYPE glance_image_cache_policy_resolved gauge
glance_image_cache_policy_resolved 1.0
# HELP glance_image_cache_run_timestamp_seconds Time of this run, in seconds since 1970.
# TYPE glance_image_cache_run_timestamp_seconds gauge
glance_image_cache_run_timestamp_seconds X
"""
VARYING = ('read_duration_seconds{', 'run_timestamp_seconds ')


@pytest.fixture(autouse=True)
def far(clouds_yaml: Callable[[str], None], tmp_path: pathlib.Path) -> None:
    clouds_yaml(policies.CLOUDS_YAML)
    (tmp_path / 'policy.yaml').write_text(policies.POLICY)


@pytest.fixture
def oslo(cloud: Cloud) -> None:
    """One node of Oslo answers, and one is down."""
    one, two = f'{policies.OSLO_1}/v2/cache', f'{policies.OSLO_2}/v2/cache'
    cloud.answers('GET', one, json=policies.BEFORE[policies.OSLO_1])
    cloud.answers('GET', two, exc=ConnectionRefusedError)


def known(cloud: Cloud, *ids: str, found: Any) -> None:
    """Answer to the question which images Glance has."""
    url = f'{policies.IMAGES}?id=in:{",".join(ids)}'
    cloud.answers('GET', url, json=found)
    cloud.answers(
        'GET',
        f'{policies.IMAGES}?id=in:{p.ORPHAN}&os_hidden=true',
        json=p.images(),
    )


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Metrics as Prometheus reads them: name and the node's, to the value."""
    return {
        (
            one.name.removeprefix('glance_image_cache_'),
            one.labels.get('node', ''),
            one.labels.get('state', ''),
        ): one.value
        for family in parser.text_string_to_metric_families(text)
        for one in family.samples
    }


@pytest.mark.usefixtures('oslo')
def test_all_metrics(cloud: Cloud, openstack: OpenStack) -> None:
    policies.answer_queries(cloud)
    known(
        cloud,
        *(p.FEDORA, p.ORPHAN, p.DEBIAN),
        found=policies.found(p.FEDORA, p.DEBIAN),
    )

    result = openstack(*METRICS, '--policy', 'policy.yaml', '--site', 'oslo')

    lines = [
        f'{line.rpartition(" ")[0]} X'
        if any(one in line for one in VARYING) and line[0] != '#'
        else line
        for line in result.out.splitlines()
    ]
    assert '\n'.join(lines) + '\n' == EXPECTED
    assert (result.code, result.err) == (1, DOWN.format('oslo-2'))
    found = samples(result.out)
    assert found['entries', 'oslo-1', 'cached'] == 2
    assert found['run_timestamp_seconds', '', ''] > 1.7e9
    assert 0 < found['read_duration_seconds', 'oslo-1', ''] < 60


@pytest.mark.usefixtures('oslo')
def test_a_node_that_may_be_down_is_a_metric_and_a_warning(
    cloud: Cloud, openstack: OpenStack, tmp_path: pathlib.Path
) -> None:
    """What a timer needs; the file is replaced."""
    known(
        cloud,
        *(p.FEDORA, p.ORPHAN, p.DEBIAN),
        found=policies.found(p.FEDORA, p.DEBIAN),
    )
    file = tmp_path / 'cache.prom'
    file.write_text('old')
    file.chmod(0o640)

    result = openstack(
        *(*METRICS, '--site', 'oslo', '--allow-unreachable', '100%'),
        *('--output', 'cache.prom'),
    )

    allowed = 'Unreachable nodes: 1 of 2. Allowed: 2.\n'
    assert result == Result(0, '', DOWN.format('oslo-2') + allowed)
    found = samples(file.read_text())
    assert found['node_up', 'oslo-1', ''] == 1
    assert found['node_up', 'oslo-2', ''] == 0
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        'cache.prom',
        'clouds.yaml',
        'policy.yaml',
    ]


def test_the_old_file_stays_if_nothing_could_be_asked(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
    tmp_path: pathlib.Path,
) -> None:
    """Not logged in for any of the nodes."""
    (tmp_path / 'cache.prom').write_text('old')
    keystone = 'http://keystone.north.example:5000/v3'
    auth = {'username': 'a', 'password': 'b', 'user_domain_id': 'c'}
    entries = {
        'far': {
            'auth': {'auth_url': p.KEYSTONE},
            'image_cache_nodes': [
                {'name': 'n', 'endpoint': policies.BERGEN, 'cloud': 'north'}
            ],
        },
        'north': {'auth': {'auth_url': keystone, **auth}},
    }
    clouds_yaml(json.dumps({'clouds': entries}))
    for method, path in (('GET', ''), ('POST', '/auth/tokens')):
        cloud.adapter.register_uri(method, keystone + path, status_code=503)

    result = openstack(*METRICS, '--output', 'cache.prom')

    assert result.code == 1
    # What comes before it is keystoneauth's.
    last = result.err.splitlines()[-1]
    assert last.startswith('Keystone did not issue a token: ')
    assert (tmp_path / 'cache.prom').read_text() == 'old'


@pytest.mark.parametrize(
    ('path', 'why'),
    [
        ('no/such/cache.prom', 'No such file or directory'),
        ('clouds.yaml/cache.prom', 'No such file or directory'),
        ('.', 'Is a directory'),
        ('closed/cache.prom', 'Permission denied'),
        ('x' * 300, 'File name too long'),
        ('loop/cache.prom', 'Too many levels of symbolic links'),
    ],
)
@pytest.mark.parametrize('command', ['metrics', 'report'])
def test_a_file_that_can_not_be_written_is_reported_first(
    cloud: Cloud,
    openstack: OpenStack,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    path: str,
    why: str,
) -> None:
    (tmp_path / 'closed').mkdir()
    (tmp_path / 'loop').symlink_to('loop')
    # The tests may run as root, who may write everywhere.
    monkeypatch.setattr(os, 'access', lambda *_args: False)

    result = openstack(*METRICS[:-1], command, '--output', path)

    assert result == Result(
        2,
        '',
        f"Cannot write '{path}': {why}. Check the directory of the file.\n",
    )
    assert cloud.requests == []


def test_without_the_role_orphans_are_not_counted(
    cloud: Cloud, openstack: OpenStack
) -> None:
    token = json.loads(json.dumps(p.TOKEN))
    token['token']['roles'] = [{'id': 'x', 'name': 'member'}]
    cloud.adapter.register_uri(
        'POST',
        f'{p.KEYSTONE}/auth/tokens',
        json=token,
        headers={'X-Subject-Token': 'gAAAAA-the-token'},
        status_code=201,
    )
    cloud.answers('GET', f'{policies.BERGEN}/v2/cache', json=p.cache())

    result = openstack(*METRICS, '--site', 'bergen')

    assert (result.code, result.err) == (
        0,
        "This login does not have the role 'admin': orphans are not "
        'counted.\n',
    )
    names = {name for name, *__ in samples(result.out)}
    assert 'orphans' not in names
    assert 'node_up' in names


def test_names_may_be_anything(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
    tmp_path: pathlib.Path,
) -> None:
    """They are escaped: each sample stays one line, which can be read."""
    name = 'a"b\\c\n\x1bd{}é'
    node = {'name': name, 'endpoint': policies.BERGEN}
    entry = {'auth': {'auth_url': p.KEYSTONE}, 'image_cache_nodes': [node]}
    clouds_yaml(json.dumps({'clouds': {'far': entry}}))
    (tmp_path / 'policy.yaml').write_text(
        json.dumps(
            {
                'version': 1,
                'sets': {'all': {'tags': ['golden']}},
                'sites': [{'match': ['*'], 'sets': ['all']}],
            }
        )
    )
    image = p.image(p.UBUNTU, 'half \ud800 "quoted"\n', tags=['golden'])
    cloud.answers('GET', f'{policies.IMAGES}?tag=golden', json=p.images(image))
    cloud.answers('GET', f'{policies.BERGEN}/v2/cache', json=p.cache())

    result = openstack(*METRICS, '--policy', 'policy.yaml')

    assert (result.code, result.err) == (0, '')
    labels = [
        one.labels
        for family in parser.text_string_to_metric_families(result.out)
        for one in family.samples
        if one.labels
    ]
    assert {one.get('node') for one in labels} == {
        'a"b\\c\\n\\x1bd{}é',
        None,
    }
    assert {one.get('image') for one in labels} == {
        'half \\ud800 "quoted"\\n',
        None,
    }


def test_the_certificate_of_a_node(
    cloud: Cloud, openstack: OpenStack, certificates: web.Certificates
) -> None:
    url = 'https://secure.example:9292'
    cloud.answers('GET', f'{url}/v2/cache', json=p.cache())
    cloud.answers('GET', f'{url}/versions', json=p.glance_versions(url, '2'))

    trusted = ('--os-cacert', str(certificates.path))
    result = openstack(*trusted, *METRICS, '--node', url)

    assert (result.code, result.err) == (0, '')
    found = samples(result.out)
    key = ('certificate_expiry_timestamp_seconds', url, '')
    assert found[key] > found['run_timestamp_seconds', '', '']


def test_the_list_of_images_is_away(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """All that is known without it is printed."""
    url = f'{policies.BERGEN}/v2/cache'
    cloud.answers('GET', url, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers(
        'GET',
        f'{policies.IMAGES}?id=in:{p.UBUNTU}',
        status_code=500,
    )

    result = openstack(*METRICS, '--site', 'bergen')

    assert result.code == 1
    assert result.err.startswith('Cannot look up the images: ')
    found = samples(result.out)
    assert found['entries', 'bergen-1', 'cached'] == 1
    assert ('orphans', 'bergen-1', '') not in found


@pytest.mark.parametrize(
    ('how', 'status', 'why'),
    [
        ({'text': 'no json'}, 'not glance', 'The response is not valid JSON'),
        (
            {'json': {'cached_images': 7}},
            'not glance',
            'The response is not a',
        ),
        ({'status_code': 403}, 'forbidden', ''),
        ({'status_code': 500, 'text': '<html>'}, 'error', 'The server failed'),
        (
            {'json': p.cache(p.cached('\ud800\x1b[31m', size=7))},
            'ok',
            '',
        ),
    ],
)
def test_a_node_may_answer_anything(
    cloud: Cloud,
    openstack: OpenStack,
    tmp_path: pathlib.Path,
    how: dict[str, Any],
    status: str,
    why: str,
) -> None:
    """It is a metric, and a row of the report."""
    cloud.answers('GET', f'{policies.BERGEN}/v2/cache', how)
    report = ('--os-cloud', 'far', 'image', 'cache', 'report')

    metrics = openstack(*METRICS, '--site', 'bergen')
    page = openstack(*report, '--site', 'bergen', '--output', 'report.html')

    up = status == 'ok'
    assert metrics.code == page.code == (0 if up else 1)
    assert samples(metrics.out)['node_up', 'bergen-1', ''] == up
    assert why in metrics.err
    text = (tmp_path / 'report.html').read_text('utf-8')
    assert f'>{status}</td>' in text
    assert why in text
    assert '\x1b' not in text + metrics.out


def test_a_policy_that_is_not_resolved_is_a_metric_and_a_problem(
    cloud: Cloud, openstack: OpenStack, tmp_path: pathlib.Path
) -> None:
    cloud.answers('GET', f'{policies.BERGEN}/v2/cache', json=p.cache())
    cloud.answers('GET', policies.IMAGES, status_code=500)
    policy = ('--policy', 'policy.yaml', '--site', 'bergen')
    report = ('--os-cloud', 'far', 'image', 'cache', 'report')

    metrics = openstack(*METRICS, *policy)
    page = openstack(*report, *policy, '--output', 'report.html')

    assert (metrics.code, page.code) == (1, 1)
    assert samples(metrics.out)['policy_resolved', '', ''] == 0
    text = (tmp_path / 'report.html').read_text()
    assert '<li>Cannot resolve the policy: ' in text


def test_a_policy_for_no_site_is_not_resolved(
    cloud: Cloud, openstack: OpenStack, tmp_path: pathlib.Path
) -> None:
    """Its name of a site is misspelt: no image belongs anywhere."""
    held = p.cache(p.cached(p.UBUNTU))
    cloud.answers('GET', f'{policies.BERGEN}/v2/cache', json=held)
    cloud.adapter.register_uri('GET', policies.IMAGES, json=p.images())
    (tmp_path / 'typo.yaml').write_text(
        'version: 1\nsets: {a: {images: [ubuntu]}}\n'
        'sites: [{match: [x], sets: [a]}]\n'
    )
    policy = ('--policy', 'typo.yaml', '--site', 'bergen')
    report = ('--os-cloud', 'far', 'image', 'cache', 'report')

    metrics = openstack(*METRICS, *policy)
    page = openstack(*report, *policy, '--output', 'report.html')

    assert (metrics.code, page.code) == (1, 1)
    assert samples(metrics.out)['policy_resolved', '', ''] == 0
    # A cell has a second number only for an image that belongs on the site.
    assert '1/1' not in (tmp_path / 'report.html').read_text()


def test_a_link_is_followed_and_a_pipe_written_to(
    cloud: Cloud, openstack: OpenStack, tmp_path: pathlib.Path
) -> None:
    cloud.answers('GET', f'{policies.BERGEN}/v2/cache', json=p.cache())
    (tmp_path / 'real.prom').write_text('old')
    (tmp_path / 'link.prom').symlink_to('real.prom')
    os.mkfifo(tmp_path / 'pipe')
    reader = os.open(tmp_path / 'pipe', os.O_RDONLY | os.O_NONBLOCK)

    results = [
        openstack(*METRICS, '--site', 'bergen', '--output', one)
        for one in ('link.prom', 'pipe', '-', '')
    ]
    piped = os.read(reader, 65536).decode()
    os.close(reader)

    assert [one.code for one in results] == [0, 0, 0, 2]
    assert (tmp_path / 'link.prom').is_symlink()
    for text in ((tmp_path / 'real.prom').read_text(), piped, results[2].out):
        assert samples(text)['node_up', 'bergen-1', ''] == 1
    assert "'--output' is empty" in results[3].err
