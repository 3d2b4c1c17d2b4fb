# SPDX-License-Identifier: Apache-2.0

"""Any list of nodes is nodes that were written there, or one line."""

from collections.abc import Callable
import pathlib
import re
from typing import Any
from unittest import mock

import hypothesis
from hypothesis import strategies as st
import pytest

from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.fleet import configuration
from glance_cache_osc.fleet import nodes
from tests.fuzz import conftest
from tests.fuzz import node_texts
from tests.fuzz import test_malformed
from tests.fuzz import texts

_ENDPOINT = re.compile(
    r'(https?)://(\[[0-9a-f:.]+(?:%[0-9a-z._~-]+)?\]|[a-z0-9._-]+)'
    r'(?::([0-9]+))?((?:/[!-~]*)?)'
)


def cloud_of(**settings: Any) -> mock.Mock:
    """A cloud with these settings in clouds.yaml."""
    cloud: mock.Mock = mock.create_autospec(clouds.Cloud, instance=True)
    cloud.setting.side_effect = settings.get
    cloud.image_endpoint.return_value = node_texts.IMAGE_ENDPOINT
    cloud.has_cloud.side_effect = 'far'.__eq__
    return cloud


def check_line(error: errors.UsageError, where: str) -> None:
    line = report.line_of(error)
    assert test_malformed.is_quiet(line)
    assert len(line.splitlines()) == 1
    assert where in line


def check_nodes(found: list[nodes.Node], listed: Any) -> None:
    """Each node has the host and port that were written for its name."""
    expected = node_texts.pairs(listed)
    assert len({one.name for one in found}) == len(found)
    for one in found:
        match = _ENDPOINT.fullmatch(one.endpoint)
        assert match, one
        port = match[3] or {'http': '80', 'https': '443'}[match[1]]
        assert expected[one.name] == node_texts.Written(match[2], port), one
        assert one.site
        assert one.cloud in ('', 'far')


def configured(
    tally: conftest.Tally, read: Callable[[], Any], where: str
) -> Any:
    """The result of a function; None after an error of one line."""
    tally.read += 1
    try:
        found = read()
    except errors.UsageError as error:
        check_line(error, where)
        return None
    tally.accepted += 1
    return found


@conftest.PROFILE
@hypothesis.given(listed=node_texts.items() | st.just([]))
# Bugs that fuzzing found: the host ::1, pairs in another order, a traceback.
@hypothesis.example(
    listed=[{'name': 'n', 'endpoint': 'http://n-[::1].example'}]
)
@hypothesis.example(
    listed=[{'name': 'n[01,2]', 'endpoint': 'http://n[1-2].example'}]
)
@hypothesis.example(listed=[{'name': 'n', 'endpoint': 'http://n/\ud800'}])
@hypothesis.example(listed=[{'name': '\x1b[31m', 'endpoint': ''}])
@hypothesis.example(listed=[{'name': 'a\0b\u202e', 'endpoint': '\n'}])
def test_nodes_of_clouds_yaml_are_those_that_were_written(
    tally: conftest.Tally, listed: list[Any]
) -> None:
    cloud = cloud_of(image_cache_nodes=listed)

    found = configured(
        tally, lambda: configuration.configured(cloud), 'image_cache_nodes'
    )

    check_nodes(found or [], listed)


@conftest.PROFILE
@hypothesis.given(listed=node_texts.SITES)
# A bug that fuzzing found: Python does not print such a number.
@hypothesis.example(listed=[{'name': 'n', 'bandwidth': 16**5000}])
def test_sites_of_clouds_yaml_have_limits_or_one_line(
    tally: conftest.Tally, listed: list[Any]
) -> None:
    cloud = cloud_of(image_cache_sites=listed)

    found = configured(
        tally, lambda: configuration.sites(cloud), 'image_cache_sites'
    )

    for name, one in (found or {}).items():
        assert one.name == name
        assert one.max_downloads is None or one.max_downloads > 0
        assert one.bandwidth is None or 0 < one.bandwidth < 10**25


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / 'nodes.yaml'


@conftest.PROFILE
@hypothesis.given(text=texts.texts(node_texts.items()))
# Bugs that fuzzing found: PyYAML raises errors of many types.
@hypothesis.example(text='- !!bool maybe')
@hypothesis.example(text='- name: a\n  endpoint\t: http://a')
@hypothesis.example(text='- !!int ""')
@hypothesis.example(text='- {name: n, 0x' + 'f' * 5000 + ': 1, endpoint: n}')
def test_nodes_of_a_file_are_those_that_were_written(
    tally: conftest.Tally, file: pathlib.Path, text: str
) -> None:
    file.write_bytes(text.encode('utf-8', 'surrogatepass'))
    cloud = cloud_of(image_cache_nodes_file=str(file))

    found = configured(
        tally, lambda: configuration.configured(cloud), str(file)
    )

    check_nodes(found or [], node_texts.parse(text))
