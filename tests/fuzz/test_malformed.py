# SPDX-License-Identifier: Apache-2.0

"""Any response results in rows or one line: no traceback and no token."""

from collections.abc import Iterator
import csv
import dataclasses
import importlib
import io
import json
import re
import time
from typing import Any

from cliff.formatters import base as formatters
from cliff.formatters import commaseparated
from cliff.formatters import json_format
from cliff.formatters import table
from cliff.formatters import value
from cliff.formatters import yaml_format
import hypothesis
import pytest

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.drivers import cache_api
from glance_cache_osc.model import entries
from glance_cache_osc.transport import loop as loops
from glance_cache_osc.v2 import image_cache_list
from tests.cli.conftest import OpenStack
from tests.fuzz import clients
from tests.fuzz import conftest
from tests.fuzz import responses
from tests.fuzz import servers
from tests.shell import Result

#: It ships no type information.
yaml: Any = importlib.import_module('yaml')
#: Maximum seconds for any response.
_MOST_SECONDS = 5.0
_TIMEOUT = 1.0
_HEADERS = [one.header for one in image_cache_list.ListImageCache.table]


@dataclasses.dataclass
class Reader:
    """A driver that reads responses."""

    loop: loops.Loop
    driver: cache_api.CacheApiDriver

    def entries(self) -> list[entries.Entry]:
        return self.loop.run(self.driver.list_entries())

    def version(self) -> str:
        return self.loop.run(self.driver.api_version())


@pytest.fixture
def reader(
    malformed: servers.Server, capfd: pytest.CaptureFixture[str]
) -> Iterator[Reader]:
    with loops.Loop() as loop:
        client = clients.client(loop.engine, malformed.url, _TIMEOUT)
        yield Reader(loop, cache_api.CacheApiDriver(client))
    # pycurl prints an exception in a callback, and discards it.
    assert capfd.readouterr() == ('', '')


class Arguments:
    """The command-line arguments that cliff's formatters read."""

    max_width = 0
    fit_width = False
    print_empty = False
    noindent = False
    quote_mode = 'nonnumeric'


def shown(formatter: formatters.ListFormatter, name: str, rows: Any) -> str:
    """The rows as printed, in an encoding that can fail."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, 'utf-8', newline='', write_through=True)
    rendering = columns.Rendering(
        formatter, name, image_cache_list.ListImageCache.table
    )
    arguments: Any = Arguments()
    rendering.emit_list(_HEADERS, rows, stream, arguments)
    return raw.getvalue().decode()


#: Control characters except newline, marks of direction, line separators, and
#: surrogates.
_FORBIDDEN = re.compile(
    '[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f'
    '\ufeff\ud800-\udfff]'
)


def is_quiet(text: str) -> bool:
    """Whether a text contains only characters that are safe to print."""
    return not _FORBIDDEN.search(text)


def check_rows(held: list[entries.Entry]) -> None:
    """Each entry is one row in every format, and is safe to print."""
    rows = [image_cache_list._row(one, {}, 'edge') for one in held]
    in_table = shown(table.TableFormatter(), 'table', rows)
    in_values = shown(value.ValueFormatter(), 'value', rows)
    in_csv = shown(commaseparated.CSVLister(), 'csv', rows)
    in_json = shown(json_format.JSONFormatter(), 'json', rows)
    in_yaml = shown(yaml_format.YAMLFormatter(), 'yaml', rows)

    assert len(in_table.splitlines()) == (len(rows) + 4 if rows else 1)
    assert len(in_values.splitlines()) == len(rows)
    assert [row[-1] for row in csv.reader(io.StringIO(in_csv))][1:] == [
        'edge' for _ in rows
    ]
    assert [row['ID'] for row in json.loads(in_json)] == [
        one.image_id for one in held
    ]
    assert len(yaml.safe_load(in_yaml)) == len(rows)
    for text in (in_table, in_values, in_csv, in_json, in_yaml):
        assert is_quiet(text)
        assert servers.TOKEN not in text


def check_error(error: errors.NodeError) -> None:
    """The error is one line without the token."""
    line = columns.safe_text(str(error))
    assert is_quiet(line)
    assert len(line) < 4000
    assert line.strip()
    assert servers.TOKEN not in line


@conftest.PROFILE
@hypothesis.given(response=responses.responses())
# A bug that fuzzing found: the token of an earlier request in an error.
@hypothesis.example(
    response=servers.reply(servers.TOKEN.encode(), '503 Oops').replace(
        b'application/json', b'text/plain'
    )
)
def test_a_driver_returns_entries_or_raises_an_error(
    set_response: conftest.SetResponse,
    reader: Reader,
    tally: conftest.Tally,
    response: bytes,
) -> None:
    set_response(response)

    began = time.monotonic()
    try:
        check_rows(reader.entries())
        tally.accepted += 1
    except errors.NodeError as error:
        check_error(error)
    try:
        assert reader.version() in ('2.18', '2.14')
    except errors.NodeError as error:
        check_error(error)
    assert time.monotonic() - began < _MOST_SECONDS


VALID_ROWS = [
    {
        'ID': '9b73824a-c4e5-4822-be0d-10abcb0fe5df',
        'Name': 'ubuntu-24.04',
        'State': 'cached',
        'Last Accessed (UTC)': '2026-11-21T03:46:57Z',
        'Last Modified (UTC)': '2026-11-20T03:46:57Z',
        'Size': 5000000,
        'Hits': 3,
        'Node': 'valid',
    },
    {
        'ID': '884d4cbe-a2b4-4c09-a3d0-8ab2734603cb',
        'Name': None,
        'State': 'queued',
        'Last Accessed (UTC)': None,
        'Last Modified (UTC)': None,
        'Size': None,
        'Hits': None,
        'Node': 'valid',
    },
]


@pytest.fixture
def fleet(
    malformed: servers.Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> Iterator[None]:
    """A cloud of real sockets, with a malformed node and a valid one."""
    with (
        servers.Server(servers.glance) as valid,
        servers.Server(servers.sends(b'')) as keystone,
    ):
        keystone.answer = servers.keystone(lambda: keystone.url, valid.url)
        path = tmp_path / 'clouds.yaml'
        path.write_text(
            'clouds:\n  far:\n    auth:\n'
            f'      auth_url: {keystone.url}/v3\n'
            '    image_cache_nodes:\n'
            f'      - name: malformed\n        endpoint: {malformed.url}\n'
            f'      - name: valid\n        endpoint: {valid.url}\n'
        )
        monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(path))
        monkeypatch.setenv('OS_AUTH_URL', f'{keystone.url}/v3')
        yield


def run(openstack: OpenStack, *words: str) -> Result:
    return openstack(
        *('--os-cloud', 'far', 'image', 'cache', *words),
        *('--node-timeout', '1'),
    )


def check_fleet(result: Result) -> bool:
    """All rows of the valid node, and at most one line for the other.

    :returns: whether there are rows of the other.
    """
    assert result.out, result.err
    rows = json.loads(result.out)
    assert [row for row in rows if row['Node'] == 'valid'] == VALID_ROWS
    assert result.code in (0, 1)
    lines = result.err.splitlines()
    assert len(lines) == result.code, result.err
    assert all(
        line.startswith('Cannot read the cache of malformed (')
        for line in lines
    )
    assert is_quiet(result.err)
    assert servers.TOKEN not in result.err + result.out
    return len(rows) > len(VALID_ROWS)


@conftest.FEWER
@hypothesis.given(response=responses.VALID | responses.responses())
# Bugs that fuzzing found: an invalid ID prevented the look-up of other names.
@hypothesis.example(
    response=servers.reply({'cached_images': [], 'queued_images': ['\ud800']})
)
@hypothesis.example(
    response=servers.reply(
        {'cached_images': [], 'queued_images': ['x' * 100_000]}
    )
)
@pytest.mark.usefixtures('fleet')
def test_a_command_shows_all_rows_of_other_nodes(
    set_response: conftest.SetResponse,
    openstack: OpenStack,
    tally: conftest.Tally,
    response: bytes,
) -> None:
    set_response(response)

    tally.accepted += check_fleet(run(openstack, 'list', '-f', 'json'))


@conftest.FEWER
@hypothesis.given(response=responses.VALID | responses.responses())
@pytest.mark.usefixtures('fleet')
def test_the_debug_log_does_not_contain_the_token(
    set_response: conftest.SetResponse,
    openstack: OpenStack,
    tally: conftest.Tally,
    response: bytes,
) -> None:
    set_response(response)

    result = run(openstack, 'list', '-f', 'json', '--debug')

    assert result.out, result.err
    rows = json.loads(result.out)
    assert [row for row in rows if row['Node'] == 'valid'] == VALID_ROWS
    tally.accepted += len(rows) > len(VALID_ROWS)
    assert servers.TOKEN not in result.err + result.out
    assert is_quiet(result.err)
    assert 'Traceback' not in result.err
