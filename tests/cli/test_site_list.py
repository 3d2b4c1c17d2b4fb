# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache site list`: argv in, output out."""

import json
import pathlib
from typing import Any

import pytest

from tests import web
from tests.cli import payloads as p
from tests.cli import policies
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

LIST = ('--os-cloud', 'far', 'image', 'cache', 'site', 'list')
POLICY = ('--policy', 'policy.yaml')
SHORT = ('-f', 'value', '-c', 'Site', '-c', 'Missing', '-c', 'Extra')
STATUS = (*SHORT, '-c', 'Status')
SITES = {
    'table': """\
+--------+-------+-----------+---------+---------+--------+---------+-------+---------+
| Site   | Nodes | Reachable | Entries | Size    | Wanted | Missing | Extra | Status  |
+--------+-------+-----------+---------+---------+--------+---------+-------+---------+
| oslo   |     2 |         2 |       6 | 17.0 MB |        |         |       | unknown |
| bergen |     1 |         1 |       2 | 10.0 MB |        |         |       | unknown |
| tromso |     1 |         1 |       0 | 0 B     |        |         |       | unknown |
+--------+-------+-----------+---------+---------+--------+---------+-------+---------+
""",
    'json': """\
[
  {
    "Site": "oslo",
    "Nodes": 2,
    "Reachable": 2,
    "Entries": 6,
    "Size": 17000007,
    "Wanted": null,
    "Missing": null,
    "Extra": null,
    "Status": "unknown"
  },
  {
    "Site": "bergen",
    "Nodes": 1,
    "Reachable": 1,
    "Entries": 2,
    "Size": 10000000,
    "Wanted": null,
    "Missing": null,
    "Extra": null,
    "Status": "unknown"
  },
  {
    "Site": "tromso",
    "Nodes": 1,
    "Reachable": 1,
    "Entries": 0,
    "Size": 0,
    "Wanted": null,
    "Missing": null,
    "Extra": null,
    "Status": "unknown"
  }
]
""",
    'yaml': """\
- Entries: 6
  Extra: null
  Missing: null
  Nodes: 2
  Reachable: 2
  Site: oslo
  Size: 17000007
  Status: unknown
  Wanted: null
- Entries: 2
  Extra: null
  Missing: null
  Nodes: 1
  Reachable: 1
  Site: bergen
  Size: 10000000
  Status: unknown
  Wanted: null
- Entries: 0
  Extra: null
  Missing: null
  Nodes: 1
  Reachable: 1
  Site: tromso
  Size: 0
  Status: unknown
  Wanted: null
""",
    'csv': """\
"Site","Nodes","Reachable","Entries","Size","Wanted","Missing","Extra","Status"
"oslo",2,2,6,17000007,"","","","unknown"
"bergen",1,1,2,10000000,"","","","unknown"
"tromso",1,1,0,0,"","","","unknown"
""",
    'value': """\
oslo 2 2 6 17000007    unknown
bergen 1 1 2 10000000    unknown
tromso 1 1 0 0    unknown
""",
}
SITES_POLICY = {
    'table': """\
+--------+-------+-----------+---------+---------+--------+---------+-------+------------+
| Site   | Nodes | Reachable | Entries | Size    | Wanted | Missing | Extra | Status     |
+--------+-------+-----------+---------+---------+--------+---------+-------+------------+
| oslo   |     2 |         2 |       6 | 17.0 MB |      6 |       2 |     1 | incomplete |
| bergen |     1 |         1 |       2 | 10.0 MB |      2 |       1 |     1 | incomplete |
| tromso |     1 |         1 |       0 | 0 B     |      1 |       1 |     0 | incomplete |
+--------+-------+-----------+---------+---------+--------+---------+-------+------------+
""",
    'json': """\
[
  {
    "Site": "oslo",
    "Nodes": 2,
    "Reachable": 2,
    "Entries": 6,
    "Size": 17000007,
    "Wanted": 6,
    "Missing": 2,
    "Extra": 1,
    "Status": "incomplete"
  },
  {
    "Site": "bergen",
    "Nodes": 1,
    "Reachable": 1,
    "Entries": 2,
    "Size": 10000000,
    "Wanted": 2,
    "Missing": 1,
    "Extra": 1,
    "Status": "incomplete"
  },
  {
    "Site": "tromso",
    "Nodes": 1,
    "Reachable": 1,
    "Entries": 0,
    "Size": 0,
    "Wanted": 1,
    "Missing": 1,
    "Extra": 0,
    "Status": "incomplete"
  }
]
""",
    'yaml': """\
- Entries: 6
  Extra: 1
  Missing: 2
  Nodes: 2
  Reachable: 2
  Site: oslo
  Size: 17000007
  Status: incomplete
  Wanted: 6
- Entries: 2
  Extra: 1
  Missing: 1
  Nodes: 1
  Reachable: 1
  Site: bergen
  Size: 10000000
  Status: incomplete
  Wanted: 2
- Entries: 0
  Extra: 0
  Missing: 1
  Nodes: 1
  Reachable: 1
  Site: tromso
  Size: 0
  Status: incomplete
  Wanted: 1
""",
    'csv': """\
"Site","Nodes","Reachable","Entries","Size","Wanted","Missing","Extra","Status"
"oslo",2,2,6,17000007,6,2,1,"incomplete"
"bergen",1,1,2,10000000,2,1,1,"incomplete"
"tromso",1,1,0,0,1,1,0,"incomplete"
""",
    'value': """\
oslo 2 2 6 17000007 6 2 1 incomplete
bergen 1 1 2 10000000 2 1 1 incomplete
tromso 1 1 0 0 1 1 0 incomplete
""",
}

FORMATS = ('table', 'json', 'yaml', 'csv', 'value')


@pytest.fixture(autouse=True)
def fleet(clouds_yaml: Any, tmp_path: pathlib.Path) -> None:
    """Four nodes on three sites, and a policy."""
    clouds_yaml(policies.CLOUDS_YAML)
    (tmp_path / 'policy.yaml').write_text(policies.POLICY)


@pytest.mark.parametrize('name', FORMATS)
def test_a_row_for_each_site(
    cloud: Cloud, openstack: OpenStack, name: str
) -> None:
    """Without a policy, no request goes to Glance's list of images."""
    policies.answer_caches(cloud, policies.BEFORE)

    result = openstack(*LIST, '-f', name)

    assert result == Result(0, SITES[name], '')
    assert len(cloud.requests) == 4


@pytest.mark.parametrize('name', FORMATS)
def test_how_far_each_site_is(
    cloud: Cloud, openstack: OpenStack, name: str
) -> None:
    policies.answer_queries(cloud)
    policies.answer_caches(cloud, policies.BEFORE)

    result = openstack(*LIST, *POLICY, '-f', name)

    assert result == Result(0, SITES_POLICY[name], '')
    assert sorted(cloud.requests) == sorted(
        [
            *policies.QUERIES,
            *(f'GET {root}/v2/cache' for root in policies.BEFORE),
        ]
    )


def test_sites_that_hold_all_are_in_sync(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """An entry that a site may keep does not count against it."""
    policies.answer_queries(cloud)
    policies.answer_caches(cloud, policies.AFTER)

    result = openstack(*LIST, *POLICY, *STATUS)

    assert result == Result(
        0,
        'oslo 0 0 in sync\nbergen 0 1 in sync\ntromso 0 0 in sync\n',
        '',
    )


def test_what_must_be_deleted_makes_a_site_incomplete(
    cloud: Cloud, openstack: OpenStack
) -> None:
    policies.answer_queries(cloud)
    held = policies.AFTER[policies.OSLO_1]
    extra = {**held, 'queued_images': [p.ORPHAN]}
    after = {**policies.AFTER, policies.OSLO_2: extra}
    policies.answer_caches(cloud, after)

    result = openstack(*LIST, *POLICY, *STATUS)

    assert result.out.splitlines()[0] == 'oslo 0 1 incomplete'


def test_an_image_that_is_queued_again_is_there_once(
    cloud: Cloud, openstack: OpenStack
) -> None:
    policies.answer_queries(cloud)
    held = policies.AFTER[policies.OSLO_1]
    again = {**held, 'queued_images': [p.UBUNTU]}
    policies.answer_caches(cloud, {**policies.AFTER, policies.OSLO_2: again})

    result = openstack(*LIST, *POLICY, *STATUS, '-c', 'Entries')

    assert result.out.splitlines()[0] == 'oslo 6 0 0 in sync'


@pytest.mark.parametrize(
    ('argv', 'code'), [([], 1), (['--allow-unreachable', '1'], 0)]
)
def test_a_site_with_a_node_that_is_down_is_not_in_sync(
    cloud: Cloud, openstack: OpenStack, argv: list[str], code: int
) -> None:
    policies.answer_queries(cloud)
    rounds = dict(policies.AFTER)
    del rounds[policies.OSLO_2]
    policies.answer_caches(cloud, rounds)
    cloud.answers(
        'GET', f'{policies.OSLO_2}/v2/cache', exc=ConnectionRefusedError
    )

    result = openstack(*LIST, *POLICY, *argv, '-f', 'value')

    assert (result.code, result.out) == (
        code,
        'oslo 2 1 3 12000000 6 0 0 unknown\n'
        'bergen 1 1 3 12000000 2 0 1 in sync\n'
        'tromso 1 1 1 5000000 1 0 0 in sync\n',
    )
    assert result.err.startswith('Cannot read the cache of oslo-2 ')


def test_a_site_whose_sets_were_not_found_is_not_in_sync(
    cloud: Cloud, openstack: OpenStack
) -> None:
    policies.answer_queries(cloud)
    cloud._stubs[:] = [
        one for one in cloud._stubs if 'os_distro' not in one[0]
    ]
    cloud.answers(
        'GET',
        f'{policies.IMAGES}?os_distro=debian',
        json=policies.found(p.UBUNTU),
    )
    policies.answer_caches(cloud, policies.AFTER)

    result = openstack(*LIST, *POLICY, *STATUS)

    assert result == Result(
        1,
        'oslo   unknown\nbergen   unknown\ntromso 0 0 in sync\n',
        'Cannot find images of set radio: No image has all of these tags and '
        "properties: os_distro=debian. See 'openstack image list --property "
        "os_distro=debian'.\n",
    )


def test_a_site_without_a_rule_is_unknown(
    cloud: Cloud, openstack: OpenStack, tmp_path: pathlib.Path
) -> None:
    (tmp_path / 'policy.yaml').write_text(
        'version: 1\n'
        'sets: {base: {tags: [golden]}}\n'
        'sites: [{match: [bergen], sets: [base]}]\n'
    )
    url = f'{policies.IMAGES}?tag=golden'
    cloud.answers('GET', url, json=policies.found(p.FEDORA))
    policies.answer_caches(cloud, policies.AFTER)

    result = openstack(*LIST, *POLICY, *STATUS)

    assert result == Result(
        0,
        'oslo   unknown\nbergen 0 2 in sync\ntromso   unknown\n',
        'Sites without a rule in the policy: oslo, tromso.\n',
    )


def test_the_chosen_sites_alone(cloud: Cloud, openstack: OpenStack) -> None:
    cloud.answers('GET', f'{policies.BERGEN}/v2/cache', json=p.cache())

    result = openstack(*LIST, '--site', 'berg*', *STATUS)

    assert result == Result(0, 'bergen   unknown\n', '')


def test_a_site_that_did_not_respond_has_no_entries(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """The number is not 0, but unknown."""
    cloud.answers('GET', f'{policies.BERGEN}/v2/cache', **web.REFUSED)
    cloud.adapter.register_uri(
        'GET', policies.IMAGES, json=policies.found(p.UBUNTU, p.DEBIAN)
    )

    result = openstack(
        *(*LIST, '--site', 'bergen', '--policy', 'policy.yaml'),
        *('-f', 'json'),
    )

    assert result.code == 1
    assert json.loads(result.out) == [
        {
            'Site': 'bergen',
            'Nodes': 1,
            'Reachable': 0,
            'Entries': None,
            'Size': None,
            'Wanted': 2,
            'Missing': None,
            'Extra': None,
            'Status': 'unknown',
        }
    ]


@pytest.mark.parametrize('command', [('site', 'list'), ('node', 'check')])
def test_the_sites_in_clouds_yaml_are_checked(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    command: tuple[str, ...],
) -> None:
    argv = ('--os-cloud', 'far', 'image', 'cache', *command)
    clouds_yaml(policies.CLOUDS_YAML.replace('1M', 'fast'))
    wrong = openstack(*argv)
    clouds_yaml(
        policies.CLOUDS_YAML.replace('- name: oslo\n', '- name: olso\n')
    )
    unused = openstack(*argv, '--node', 'nosuch')

    assert wrong == Result(
        2,
        '',
        "'image_cache_sites' in clouds.yaml is not valid: item 'oslo', key "
        "'bandwidth': not a number of bits per second such as 100M. See the "
        'page clouds.yaml in the manual.\n',
    )
    assert unused.err.startswith(
        "Sites in 'image_cache_sites' without nodes: olso.\n"
    )
    assert cloud.requests == []
