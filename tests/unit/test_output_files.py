# SPDX-License-Identifier: Apache-2.0

"""Output files that must not be replaced."""

import io
import os
import pathlib

import pytest

from glance_cache_osc.command import files


@pytest.mark.parametrize('linked', [False, True])
def test_a_descriptor_of_a_file_is_written_at_its_position(
    tmp_path: pathlib.Path, *, linked: bool
) -> None:
    """As in ``--output /dev/stdout >> log``."""
    log = tmp_path / 'log'
    log.write_text('old\n')
    with log.open('a') as file:
        path = f'/dev/fd/{file.fileno()}'
        if linked:
            (tmp_path / 'link').symlink_to(path)
            path = str(tmp_path / 'link')
        files.check(path)
        files.write(path, 'new\n', io.StringIO())
        file.write('more\n')

    assert log.read_text() == 'old\nnew\nmore\n'


def test_a_descriptor_of_a_pipe_is_written() -> None:
    """As in ``--output >(cat)``."""
    reader, writer = os.pipe()
    path = f'/dev/fd/{writer}'

    files.check(path)
    files.write(path, 'new\n', io.StringIO())

    assert os.read(reader, 100) == b'new\n'
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        files.write(path, 'new\n', io.StringIO())
    os.close(writer)


def test_standard_output_is_utf_8_in_every_locale() -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding='latin-1')
    stdout.write('first, ')

    files.write('-', 'имя\n', stdout)

    buffer: io.BytesIO = stdout.buffer
    assert buffer.getvalue().decode() == 'first, имя\n'


def test_a_standard_output_of_text_alone() -> None:
    stdout = io.StringIO()

    files.write('-', 'имя\n', stdout)

    assert stdout.getvalue() == 'имя\n'
