# SPDX-License-Identifier: Apache-2.0

"""Any text is a policy, or one line that names the file."""

import contextlib
from typing import Any

import hypothesis
from hypothesis import strategies as st
import pytest
import yaml

from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.model import yaml_text
from glance_cache_osc.policy import policies
from glance_cache_osc.policy import reading
from tests.fuzz import conftest
from tests.fuzz import test_malformed
from tests.fuzz import texts
from tests.unit import policy_schema

_NAMES = st.sampled_from(
    [
        *('base', 'oslo', 'edge-*', 'a b', 'å', '😀', '24.04', 'no', '0x1F'),
        *('x' * 300, '%s{0}', '<b>', "it's", 'say "hi"', 'a:b', 'a,b', '#'),
        *('null', '~', '2026-11-21', '.inf', '=', '-', '?', '*', '!a', '&b'),
    ]
)
_WORDS = st.lists(_NAMES, max_size=3)


@st.composite
def values(draw: st.DrawFn) -> dict[str, Any]:
    """The content of a policy file, mostly valid by the schema."""
    sets = draw(
        st.dictionaries(
            _NAMES,
            st.fixed_dictionaries(
                {'tags': st.lists(_NAMES, min_size=1, max_size=2)},
                optional={
                    'images': _WORDS,
                    'properties': st.dictionaries(_NAMES, _NAMES, max_size=2),
                },
            ),
            min_size=1,
            max_size=3,
        )
    )
    rule = st.fixed_dictionaries(
        {
            'match': st.lists(_NAMES, min_size=1, max_size=3),
            'sets': st.lists(st.sampled_from(sorted(sets)), max_size=2),
        },
        optional={
            'delete_others': st.booleans(),
            'max_downloads': st.sampled_from([1, 999999, 1, 7, 0, 10**6]),
        },
    )
    rules = draw(st.lists(rule, max_size=3))
    return {'version': 1, 'sets': sets, 'sites': rules}


def outcome(text: str, loader: Any) -> policies.Policy | None:
    """The policy; None for an error, which must be one line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_text, 'Loader', loader)
        try:
            return reading.read(text, 'policy.yaml')
        except errors.UsageError as error:
            line = report.line_of(error)
    assert test_malformed.is_quiet(line)
    assert len(line.splitlines()) == 1
    assert line.startswith("'policy.yaml' is not a valid policy: ")
    return None


def is_accepted_by_the_schema(text: str) -> bool:
    # PyYAML raises many types of errors for malformed values.
    with contextlib.suppress(Exception):
        yaml_text.check_depth(text)
        return policy_schema.fits(text)
    return False


@conftest.PROFILE
@hypothesis.given(text=texts.texts(values()))
@hypothesis.example(text='version: "\\x1b[31m\\0\\u202e"')
@hypothesis.example(text="'\x85\x85")
@hypothesis.example(text='\u2028\r\u2029\t{')
def test_any_text_is_a_policy_or_one_line(
    tally: conftest.Tally, text: str
) -> None:
    with_libyaml = outcome(text, yaml_text.Loader)
    with_python = outcome(text, yaml.SafeLoader)

    tally.read += 1
    tally.accepted += with_libyaml is not None
    # Without libyaml, PyYAML accepts escaped surrogates.
    if is_accepted_by_the_schema(text) and '\\u' not in text:
        assert with_libyaml == with_python
    if with_libyaml:
        assert all(one.match for one in with_libyaml.rules)
        assert all(
            name in with_libyaml.sets
            for one in with_libyaml.rules
            for name in one.sets
        )
