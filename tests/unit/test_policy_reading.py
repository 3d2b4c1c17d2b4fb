# SPDX-License-Identifier: Apache-2.0

"""Policy files: what is accepted, and where an error is."""

import contextlib
import json
import re
from typing import Any

import hypothesis
from hypothesis import strategies
import jsonschema
import pytest
import yaml

from glance_cache_osc import errors
from glance_cache_osc.model import yaml_text
from glance_cache_osc.policy import policies
from glance_cache_osc.policy import reading
from tests.unit.policy_schema import fits
from tests.unit.policy_schema import SCHEMA

FULL = """\
# Images of all sites.
version: 1
sets:
  base:  {tags: [golden]}
  radio: {images: ['vran-du-*', cirros-0.6], properties: {os_distro: debian}}
sites:
  - match: ['*']
    sets: [base]
  - match: [oslo, bergen]
    sets: [base, radio]
    delete_others: true
    max_downloads: 1
"""
BASE = policies.ImageSet('base', tags=('golden',))
POLICY = policies.Policy(
    {
        'base': BASE,
        'radio': policies.ImageSet(
            'radio', ('vran-du-*', 'cirros-0.6'), (), {'os_distro': 'debian'}
        ),
    },
    [
        policies.Rule(('*',), ('base',)),
        policies.Rule(('oslo', 'bergen'), ('base', 'radio'), True, 1),
    ],
)


@pytest.fixture(params=['libyaml', 'Python'], autouse=True)
def loader(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> str:
    """PyYAML with libyaml, and without."""
    if request.param == 'Python':
        monkeypatch.setattr(yaml_text, 'Loader', yaml.SafeLoader)
    return str(request.param)


def read(text: str) -> policies.Policy:
    return reading.read(text, 'policy.yaml')


def error_of(text: str) -> str:
    """The error without its beginning: ``2:3 why``."""
    with pytest.raises(errors.UsageError) as caught:
        read(text)
    match = re.fullmatch(
        r"'policy.yaml' is not a valid policy"
        r'(?:: line (\d+), column (\d+))?: (.*)\.',
        str(caught.value),
        re.DOTALL,
    )
    assert match, caught.value
    return f'{match[1]}:{match[2]} {match[3]}' if match[1] else match[3]


@pytest.mark.parametrize('code', ['00110000', 'FFFFFFFF', '0000D800'])
def test_characters_that_do_not_exist(code: str) -> None:
    text = FULL.replace('golden', f'"\\U{code}"')

    with contextlib.suppress(errors.UsageError):
        # PyYAML without libyaml has half characters.
        assert read(text).sets['base'].tags == ('\ud800',)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def with_images(words: str) -> str:
    """A policy with these images in its set."""
    return f'version: 1\nsets: {{a: {{images: {words}}}}}\nsites: []\n'


@pytest.mark.parametrize(
    'text',
    [
        FULL,
        FULL.replace('\n', '\r\n'),
        '\ufeff' + FULL,
        f'---\n{FULL}...\n',
        FULL.replace('true', 'true # yes'),
        FULL.replace("['*']", '["*"]'),
        FULL.replace("['*']", "\n    - '*'"),
        FULL.replace('[base]', '&base [base]'),
        json.dumps(
            {
                'version': 1,
                'sites': [
                    {'match': ['*'], 'sets': ['base']},
                    {
                        'sets': ['base', 'radio'],
                        'match': ['oslo', 'bergen'],
                        'max_downloads': 1,
                        'delete_others': True,
                    },
                ],
                'sets': {
                    'base': {'tags': ['golden']},
                    'radio': {
                        'images': ['vran-du-*', 'cirros-0.6'],
                        'properties': {'os_distro': 'debian'},
                    },
                },
            }
        ),
    ],
)
def test_a_policy_is_read(text: str) -> None:
    assert read(text) == POLICY
    assert fits(text)


def test_anchors_and_aliases_are_followed() -> None:
    text = (
        'version: 1\n'
        'sets: {a: &a {tags: [x]}, b: *a}\n'
        'sites:\n'
        '  - &rule {match: [oslo], sets: &sets [a]}\n'
        '  - {match: [bergen], sets: *sets}\n'
        '  - *rule\n'
    )

    found = read(text)

    assert fits(text)
    assert found.sets['b'] == policies.ImageSet('b', tags=('x',))
    assert [one.sets for one in found.rules] == [('a',), ('a',), ('a',)]


@pytest.mark.parametrize(
    'name',
    [
        *('24.04', 'no', 'NO', 'y', 'on', '0123', '0x1F', '1e3', '1_000'),
        *('2026-11-21', '2026-11-21T03:46:57Z', '~', 'null', 'true', 'False'),
        *('.inf', '.nan', '12:30:45', '-1', 'a b', 'å', '<<', '=', '😀'),
    ],
)
def test_names_are_text(name: str) -> None:
    text = (
        f'version: 1\nsets: {{{name}: {{images: [{name}], tags: [{name}], '
        f'properties: {{{name}: {name}}}}}}}\n'
        f'sites: [{{match: [{name}], sets: [{name}]}}]\n'
    )

    found = read(text)

    one = policies.ImageSet(name, (name,), (name,), {name: name})
    assert found == policies.Policy(
        {name: one}, [policies.Rule((name,), (name,))]
    )
    assert name in ('<<', '=') or fits(text)


@pytest.mark.parametrize(
    ('old', 'new', 'expected'),
    [
        # Keys.
        ('version:', 'versions:', "2:1 unknown key 'versions'; use version, sets, sites"),
        ('tags:', 'tag:', "4:11 unknown key 'tag'; use images, tags, properties"),
        ('delete_others', 'delete-others', ('11:5 unknown key '
                                            "'delete-others'; use match, "
                                            'sets, delete_others, '
                                            'max_downloads')),
        ('# Images of all sites.', '<<: {}', "1:1 unknown key '<<'; use version, sets, sites"),
        ('    delete_others: true', '    <<: {delete_others: true}', ('11:5 '
                                                                      "unknown key '<<'; use match, sets, delete_others, max_downloads")),
        ('# Images of all sites.', 'version: 1', "2:1 'version' occurs twice"),
        ('  radio:', '  base:', "5:3 'base' occurs twice"),
        ('    max_downloads: 1', '    sets: [base]', "12:5 'sets' occurs twice"),
        ('debian}', 'debian, os_distro: x}', "5:78 'os_distro' occurs twice"),
        ('version: 1', '', "3:1 'version' is missing"),
        ("match: ['*']", 'max_downloads: 1', "7:5 'match' is missing"),
        ('    sets: [base]\n', '', "7:5 'sets' is missing"),
        ('tags', '? [a]\n  ', "4:13 a value of set 'base' is not a string"),
        # Values.
        ('version: 1', 'version: 2', "2:10 unknown version '2'; use 1"),
        ('version: 1', 'version: 1.0', "2:10 unknown version '1.0'; use 1"),
        ('version: 1', 'version: [1]', "2:10 a value of 'version' is not a string"),
        ('version: 1', 'version:', "2:9 a value of 'version' is not a string"),
        ('{tags: [golden]}', '[golden]', "4:10 set 'base' is not a mapping"),
        ('{tags: [golden]}', 'golden', "4:10 set 'base' is not a mapping"),
        ('{tags: [golden]}', '', "4:8 set 'base' is not a mapping"),
        ('{tags: [golden]}', '{}', "4:10 set 'base' has neither images, tags nor properties"),
        ('{tags: [golden]}', '{tags: [], images: []}', "4:10 set 'base' has neither images, tags nor properties"),
        ('[golden]', 'golden', "4:17 'tags' is not a list"),
        ('[golden]', '{golden: 1}', "4:17 'tags' is not a list"),
        ('[golden]', '[[golden]]', "4:18 a value of 'tags' is not a string"),
        ('[golden]', "['']", "4:18 a value of 'tags' is not a string"),
        ('[golden]', "[' ']", "4:18 a value of 'tags' is not a string"),
        ('[golden]', '[golden, {a: b}]', "4:26 a value of 'tags' is not a string"),
        ('{os_distro: debian}', 'os_distro', "5:58 'properties' is not a mapping"),
        ('os_distro: debian', 'os_distro: [debian]', "5:70 a value of 'properties' is not a string"),
        ('os_distro: debian', 'name: debian', "5:59 'name' is not an image property"),
        ('os_distro: debian', 'protected: no', "5:59 the value of 'protected' is not true or false"),
        ("['*']", '[]', "7:12 'match' is empty"),
        ("['*']", "'*'", "7:12 'match' is not a list"),
        ("['*']", "['']", "7:13 a value of 'match' is not a string"),
        ("['*']", "['oslo-[1-3]']", "7:13 a glob on sites supports only '*' and '?'"),
        ("['*']", "['oslo-[1']", "7:13 a glob on sites supports only '*' and '?'"),
        ("['*']", "['oslo-1]']", "7:13 a glob on sites supports only '*' and '?'"),
        ('sets: [base]', 'sets: [base, bsae]', "8:18 unknown set 'bsae'; sets: base, radio"),
        ('sets: [base]', 'sets: base', "8:11 'sets' is not a list"),
        ('true', 'yes', "11:20 'delete_others' is not true or false"),
        ('true', 'True', "11:20 'delete_others' is not true or false"),
        ('true', "'true'", "11:20 'delete_others' is not true or false"),
        ('true', '[true]', "11:20 'delete_others' is not true or false"),
        *(
            (
                'max_downloads: 1',
                f'max_downloads: {wrong}',
                "12:20 'max_downloads' is not a whole number from 1 to 999999",
            )
            for wrong in ('0', '-1', '1.5', '01', 'many', "'1'", '1000000', '[1]', '9' * 5000, '²')
        ),
        # YAML.
        ('  base:  {', '\tbase:  {', '4:1 *; use spaces instead of tabs'),
        ('[golden]', '[golden', '4:24 *'),
        ('[golden]', "['golden", '*'),
        ('[golden]', '[*golden]', "4:18 *; quote names that begin with '*'"),
        ('[golden]', '[*]', "4:19 *; quote names that begin with '*'"),
        ('    sets', '\tsets', '8:1 *; use spaces instead of tabs'),
        ('  base:', ' : base:', '4:*'),
        ('golden', 'gol\0den', '4:21 character U+0000 is not allowed in YAML'),
        ('golden', 'gol\x1bden', '4:21 character U+001B is not allowed in YAML'),
        ('golden', 'gol\udc80den', '4:21 character U+DC80 is not allowed in YAML'),
        ('golden', '"gol\\x', '4:*'),
        ('max_downloads: 1', 'max_downloads: 1\n---\nversion: 1', '13:1 *'),
        ('[golden]', '[' * 100_000, '4:34 this is nested too deeply'),
        ('[golden]', '{a: ' * 100_000, '4:* this is nested too deeply'),
        ('[golden]}', '\n' + '- ' * 20_000, '*'),
    ],
)  # fmt: skip
def test_errors_name_line_and_column(
    old: str, new: str, expected: str
) -> None:
    assert FULL.count(old) >= 1
    text = FULL.replace(old, new, 1)

    found = error_of(text)

    pattern = '.*'.join(map(re.escape, re.split("(?<!')[*]", expected)))
    assert re.fullmatch(pattern, found, re.DOTALL), found


def test_aliases_do_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a limit, 300 kB of text could fill gigabytes."""
    monkeypatch.setattr(reading, '_MAX_TEXTS', 1000)
    text = (
        'version: 1\nsets: {a: {tags: [x]}}\nsites:\n'
        '- &rule {match: [%s], sets: [a]}\n%s'
    )
    few = text % (', '.join('n' * 50), '- *rule\n' * 3)
    many = text % (', '.join('n' * 50), '- *rule\n' * 30)

    assert len(read(few).rules) == 4
    assert error_of(many).endswith('more than 1000 strings')


def test_so_many_strings_are_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'version: 1\nsets: {a: {tags: [x, y]}}\nsites: []'
    monkeypatch.setattr(reading, '_MAX_TEXTS', 8)

    assert read(text).sets['a'].tags == ('x', 'y')
    assert error_of(text.replace('y', 'y, z')) == '3:1 more than 8 strings'


def _no_character(number: int) -> str:
    """Python's error for a number that is no character."""
    with pytest.raises((OverflowError, ValueError)) as error:
        chr(number)
    return str(error.value)


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('"\\U99999999"', _no_character(0x99999999)),
        (
            '[*golden]',
            "1:2 found undefined alias 'golden'; quote names that begin with "
            "'*'",
        ),
        (
            '\tversion: 1',
            "1:1 while scanning for the next token found character '\\t' that "
            'cannot start any token; use spaces instead of tabs',
        ),
    ],
)
def test_the_words_of_pyyaml_are_part_of_the_message(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: str
) -> None:
    """Those of libyaml differ; some errors of PyYAML have no position."""
    monkeypatch.setattr(yaml_text, 'Loader', yaml.SafeLoader)

    assert error_of(text) == expected


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('', 'the file is empty'),
        ('# Nothing.\n', 'the file is empty'),
        ('\ufeff', 'the file is empty'),
        ('policy', '1:1 the file is not a mapping'),
        ('- version: 1', '1:1 the file is not a mapping'),
        ('~', '1:1 the file is not a mapping'),
        ('{}', "1:1 'version' is missing"),
        ('version: 1', "1:1 'sets' is missing"),
        ('version: 1\nsets: {}', "1:1 'sites' is missing"),
        ('version: 1\nsets: []\nsites: []', "2:7 'sets' is not a mapping"),
        ('version: 1\nsets: {}\nsites: {}', "3:8 'sites' is not a list"),
        (
            'version: 1\nsets: {}\nsites: [a]',
            "3:9 an item of 'sites' is not a mapping",
        ),
        (
            'version: 1\nsets: {}\nsites: [{match: [a], sets: []}, a]',
            "3:33 an item of 'sites' is not a mapping",
        ),
        (
            'version: 1\nsets: &all {a: *all}\nsites: []',
            "2:13 unknown key 'a'; use images, tags, properties",
        ),
        (
            'version: 1\nsets: {a: {images: &all [*all]}}\nsites: []',
            "2:20 a value of 'images' is not a string",
        ),
    ],
)
def test_files_that_are_no_policy(text: str, expected: str) -> None:
    assert error_of(text) == expected


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ('version:', 'versions:'),
        ('version: 1', ''),
        ('version: 1', 'version: 2'),
        ('version: 1', 'version: [1]'),
        ('tags:', 'tag:'),
        ('delete_others', 'delete-others'),
        ("match: ['*']", 'max_downloads: 1'),
        ('    sets: [base]\n', ''),
        ('{tags: [golden]}', '[golden]'),
        ('{tags: [golden]}', '{}'),
        ('[golden]', 'golden'),
        ('[golden]', '[[golden]]'),
        ('[golden]', "['']"),
        ('[golden]', "[' ']"),
        ('{os_distro: debian}', 'os_distro'),
        ("['*']", '[]'),
        ("['*']", "'*'"),
        ("['*']", "['oslo-[1-3]']"),
        ('true', "'true'"),
        ('true', '[true]'),
        ('max_downloads: 1', 'max_downloads: 0'),
        ('max_downloads: 1', 'max_downloads: 1.5'),
        ('max_downloads: 1', 'max_downloads: 1000000'),
        ('max_downloads: 1', "max_downloads: '1'"),
    ],
)
def test_the_schema_rejects_them_as_well(old: str, new: str) -> None:
    text = FULL.replace(old, new, 1)

    error_of(text)
    assert not fits(text)


@hypothesis.settings(
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    strategies.text()
    | strategies.text('[]{}:,-\'"&*!|>%@?#\n\t ab1').map(
        lambda text: FULL.replace('golden', text)
    )
    | strategies.tuples(
        strategies.integers(0, len(FULL)),
        strategies.integers(0, 9),
        strategies.text(max_size=4),
    ).map(lambda cut: FULL[: cut[0]] + cut[2] + FULL[cut[0] + cut[1] :])
)
def test_any_text_is_a_policy_or_a_usage_error(text: str) -> None:
    try:
        assert isinstance(read(text), policies.Policy)
    except errors.UsageError as error:
        words = str(error)
    else:
        words = ''

    assert not words or words.startswith("'policy.yaml' is not a valid policy")


NAMES = strategies.text(
    strategies.characters(
        categories=['L', 'N', 'P', 'S', 'Zs'], exclude_characters='[]\xa0'
    ),
    min_size=1,
    max_size=8,
).filter(str.strip)
TEXTS = strategies.lists(NAMES, max_size=3)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


@strategies.composite
def files(draw: Any) -> dict[str, Any]:
    """What a policy file holds, by the rules of the schema."""
    sets = draw(
        strategies.dictionaries(
            NAMES,
            strategies.fixed_dictionaries(
                {'tags': strategies.lists(NAMES, min_size=1, max_size=3)},
                optional={'images': TEXTS},
            ),
            max_size=3,
        )
    )
    names = strategies.sampled_from(sorted(sets)) if sets else NAMES
    rules = strategies.fixed_dictionaries(
        {
            'match': strategies.lists(NAMES, min_size=1, max_size=3),
            'sets': strategies.lists(names, max_size=3 if sets else 0),
        },
        optional={
            'delete_others': strategies.booleans(),
            'max_downloads': strategies.integers(1, 999999),
        },
    )
    sites = draw(strategies.lists(rules, max_size=4))
    return {'version': 1, 'sets': sets, 'sites': sites}


@hypothesis.settings(
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(files(), strategies.booleans())
def test_what_the_schema_accepts_is_read_as_it_is(
    file: dict[str, Any], as_json: bool
) -> None:
    if as_json:
        text = json.dumps(file, ensure_ascii=False)
    else:
        text = yaml.safe_dump(file, allow_unicode=True)

    found = read(text)

    VALIDATOR.validate(file)
    assert {
        name: (list(one.words), list(one.tags))
        for name, one in found.sets.items()
    } == {
        name: (one.get('images', []), one['tags'])
        for name, one in file['sets'].items()
    }
    assert found.rules == [
        policies.Rule(
            tuple(one['match']),
            tuple(one['sets']),
            one.get('delete_others', False),
            one.get('max_downloads'),
        )
        for one in file['sites']
    ]


def test_of_a_thousand_sites_each_has_its_own_rule() -> None:
    sets = ''.join(f'  s{at}: {{images: [a-{at}*]}}\n' for at in range(50))
    sites = ''.join(
        f'  - match: [site-{at}]\n    sets: [s{at % 50}, s7]\n'
        for at in range(1000)
    )

    found = read(f'version: 1\nsets:\n{sets}sites:\n{sites}')
    chosen = [found.rule_for(f'site-{at}') for at in range(1000)]

    assert chosen == list(found.rules)
