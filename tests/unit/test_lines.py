# SPDX-License-Identifier: Apache-2.0

"""All commands in the manual and in help are found, so that tests run them."""

import pathlib
import re

import pytest

from tests.functional import lines
from tests.functional import test_lines
from tests.functional.lines import Kind
from tests.transcripts import document

PAGE = r"""
Run ``openstack image cache list 'a b'``, or ``image cache node list
--long``. ``openstack image cache queue`` and ``openstack image cache sync
--policy`` are names, ``image cache delete <image>`` is a pattern, and
``openstack image delete x`` deletes an image::

    $ openstack image cache list -f csv 2>/dev/null | sort >x
    openstack image cache sync --all-nodes \
        --check && openstack image cache list

.. code-block:: console

    $ openstack image cache coverage
    What openstack image cache delete says.

.. code-block:: ini

    ExecStart=/usr/bin/openstack image cache list --allow-unreachable 5%%

* In a crontab::

    5 * * * * openstack image cache list --allow-unreachable 5\%

* A script::

    #!/bin/sh
    list="openstack image cache list"
    $list

    $list --cached

  openstack image delete --store cheap
"""
#: The words of a command, with anything between them.
_COMMAND = re.compile(r'\bopenstack(?:\W+[\w=-]+){0,4}?\W+image\W+cache\b')
JOB = """\
spec:
  - command:
      - openstack
      - image
      - cache
      - list
"""


def test_all_forms_in_a_page_are_found(tmp_path: pathlib.Path) -> None:
    page = tmp_path / 'page.rst'
    page.write_text(PAGE)
    script = 'list="openstack image cache list"\n$list\n\n$list --cached'

    found = [
        (one.where, one.last, one.kind, ' '.join(one.words))
        for one in lines.of_page(page, tmp_path)
    ]

    assert found == [
        ('page.rst:2', 2, Kind.LINE, 'image cache list a b'),
        ('page.rst:2', 3, Kind.LINE, 'image cache node list --long'),
        ('page.rst:3', 3, Kind.NAME, 'image cache queue'),
        ('page.rst:3', 4, Kind.NAME, 'image cache sync --policy'),
        ('page.rst:4', 4, Kind.PATTERN, 'image cache delete <image>'),
        ('page.rst:7', 7, Kind.LINE, 'image cache list -f csv'),
        ('page.rst:8', 9, Kind.LINE, 'image cache sync --all-nodes --check'),
        ('page.rst:8', 9, Kind.LINE, 'image cache list'),
        *(
            (where, last, Kind.LINE, 'image cache list --allow-unreachable 5%')
            for where, last in (('page.rst:18', 18), ('page.rst:22', 22))
        ),
        ('page.rst:26', 30, Kind.SCRIPT, f'#!/bin/sh\n{script}'),
        ('page.rst:32', 32, Kind.LINE, 'image delete --store cheap'),
    ]


def test_lists_of_words_in_yaml_are_found(tmp_path: pathlib.Path) -> None:
    (tmp_path / 'job.yaml').write_text(JOB)

    (found,) = lines.of_example(tmp_path / 'job.yaml', tmp_path)

    assert found.words == ('image', 'cache', 'list')
    assert found.where == 'job.yaml:3'


def test_a_line_that_is_not_complete_is_an_error(
    tmp_path: pathlib.Path,
) -> None:
    page = tmp_path / 'page.rst'
    page.write_text("\n    openstack image cache list 'x\n")

    with pytest.raises(ValueError, match=r'page\.rst:2: No closing quotation'):
        list(lines.of_page(page, tmp_path))


def test_no_mention_in_the_manual_is_left_out() -> None:
    """A command that is not found would not be run."""
    found = {
        (one.where.rpartition(':')[0], number)
        for one in lines.all_commands()
        for number in one.line_numbers
    }
    mentions = {
        (str(page.relative_to(lines.ROOT)), number)
        for page in lines.PAGES
        for number, line in enumerate(page.read_text().splitlines(), 1)
        if lines.MENTION.search(line)
        and number not in lines.transcript_lines(page)
    }

    assert len(mentions) > 30
    assert mentions - found == set()


def test_every_example_is_run_here_or_elsewhere() -> None:
    here = {
        pathlib.Path(one.where.rpartition(':')[0]).name
        for one in lines.to_run().values()
    }
    shown = {
        one.name for one in lines.EXAMPLES if _COMMAND.search(one.read_text())
    }

    assert {'warm-edges.yaml', 'metrics-cronjob.yaml'} <= shown
    assert shown - here == set(test_lines.ELSEWHERE)
    for file, test in test_lines.ELSEWHERE.items():
        code = (lines.ROOT / 'tests/functional' / test).read_text()
        assert f"/{file}'" in code


def test_every_command_has_an_example_and_a_line_in_the_manual() -> None:
    examples = {one.command for one in lines.of_help()}
    transcripts = {
        lines.command_of(words)[0]
        for page in lines.PAGES
        for step in document.Document(page).steps
        for words in lines.commands_in(step.command)
    }
    manual = transcripts | {
        one.command for one in lines.to_run().values() if '.rst' in one.where
    }

    assert len(lines.COMMANDS) >= 16
    assert examples == {*lines.COMMANDS, 'image delete --store'}
    assert manual == {*examples, ''}


def test_the_tables_of_commands_have_no_stale_rows() -> None:
    run = [
        (one.command, one.words)
        for one in lines.all_commands()
        if one.kind is Kind.LINE
    ]

    for name, option in test_lines.CODES:
        assert any(name == one and option in words for one, words in run)
    assert {*test_lines.FILLS, *test_lines.ENDLESS} <= {one for one, __ in run}
