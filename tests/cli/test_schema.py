# SPDX-License-Identifier: Apache-2.0

"""The JSON Schema of the output says what it should, and no less.

Every command of the tests here that is run with `-f json` is held against
it: see the fixture `openstack`.
"""

from importlib import metadata
import json
import re
from typing import Any

import jsonschema
import pytest

from tests.cli import payloads
from tests.cli import schema
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack

ROW = {
    'ID': payloads.UBUNTU,
    'Name': 'cirros',
    'State': 'cached',
    'Last Accessed (UTC)': '2026-11-20T10:00:00Z',
    'Last Modified (UTC)': None,
    'Size': 3,
    'Hits': 0,
    'Node': 'edge-oslo',
}
LIST = ('image', 'cache', 'list', '-f', 'json')


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.SCHEMA)


def test_every_command_has_one() -> None:
    commands = {
        one.name.removeprefix('image_cache_').replace('_', ' ')
        for one in metadata.entry_points(group='openstack.image.v2')
        if one.value.startswith('glance_cache_osc.')
    }
    described = {
        re.sub(r' --(dry-run|check|summary)$', '', name)
        for name, one in schema.SCHEMA['$defs'].items()
        if one.get('type') == 'array'
    }

    # Those that print no rows.
    assert described == commands - {'metrics', 'report', 'watch'}


def test_a_row_that_is_right() -> None:
    schema.check(LIST, json.dumps([ROW]))


@pytest.mark.parametrize(
    'wrong',
    [
        {'Size': '3'},
        {'Size': -1},
        {'Hits': 1.5},
        {'Last Accessed (UTC)': '2026-11-20 10:00:00'},
        {'State': 'N/A'},
        {'Node': None},
        {'More': 1},
    ],
)
def test_a_row_that_is_wrong(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        schema.check(LIST, json.dumps([{**ROW, **wrong}]))


def test_a_row_that_lacks_something() -> None:
    short = {key: value for key, value in ROW.items() if key != 'Hits'}

    with pytest.raises(jsonschema.ValidationError):
        schema.check(LIST, json.dumps([short]))
    schema.check((*LIST, '-c', 'ID'), json.dumps([short]))


def test_the_commands_of_these_tests_are_held_against_it(
    openstack: OpenStack, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.answers(
        'GET',
        f'{payloads.GLANCE}/v2/cache',
        json={'cached_images': [], 'queued_images': ['an-orphan']},
    )
    monkeypatch.setitem(
        schema.SCHEMA['$defs']['list']['items']['properties'],
        'State',
        {'const': 'cached'},
    )

    with pytest.raises(jsonschema.ValidationError):
        openstack(*LIST, '-c', 'State')
