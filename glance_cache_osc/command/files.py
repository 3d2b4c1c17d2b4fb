# SPDX-License-Identifier: Apache-2.0

"""Read input files of commands, and write their output files."""

import errno
import os
import pathlib
import sys
import tempfile
from typing import TextIO

from glance_cache_osc import errors
from glance_cache_osc.i18n import _

_MODE = 0o644


def read(path: str) -> str:
    """Read a text file; ``-`` is standard input.

    :raises errors.UsageError: the path is empty, or the file cannot be read,
        or is not UTF-8 text.
    """
    if not path:
        raise errors.UsageError(
            _('The path of the file is empty'), _('Specify a file.')
        )
    try:
        if path == '-':
            if not sys.stdin:  # Closed, as by '<&-'.
                raise OSError(errno.EBADF, _('Standard input is closed'))
            # In the prompt, a part of `sys.stdin.buffer` is read already.
            data = sys.stdin.read().encode(
                sys.stdin.encoding, 'surrogateescape'
            )
            return data.decode('utf-8-sig')
        return pathlib.Path(path).read_text(encoding='utf-8-sig')
    except OSError as error:
        raise errors.UsageError(
            _("Cannot read '%(file)s': %(why)s")
            % {'file': path, 'why': error.strerror}
        ) from error
    except UnicodeDecodeError as error:
        raise errors.UsageError(
            _("Cannot read '%s': not UTF-8 text") % path
        ) from error


def check(path: str) -> None:
    """Check that a file can be written.

    :param path: ``-`` is standard output.
    :raises errors.UsageError: the path is empty, or its directory does not
        exist or is not writable.
    """
    if not path:
        raise errors.UsageError(_("'--output' is empty"), _('Specify a file.'))
    try:
        why = _obstacle(path)
    except OSError as error:
        why = error.errno or errno.EIO
    except RuntimeError:  # Before Python 3.13, for a loop of links.
        why = errno.ELOOP
    if not why:
        return
    raise errors.UsageError(
        _("Cannot write '%(file)s': %(why)s")
        % {'file': path, 'why': os.strerror(why)},
        _('Check the directory of the file.'),
    )


def _obstacle(path: str) -> int:
    """The error number why a file cannot be written; 0 if it can.

    :raises OSError: the path cannot be examined.
    """
    if path == '-' or _in_place(path) is not None:
        return 0
    file = pathlib.Path(path).resolve()
    if file.is_dir():
        return errno.EISDIR
    file.parent.stat()  # Raises the reason if it cannot be entered.
    if not file.parent.is_dir():
        return errno.ENOENT
    if not os.access(file.parent, os.W_OK | os.X_OK):
        return errno.EACCES
    return 0


def write(path: str, text: str, stdout: TextIO) -> None:
    """Replace a file in one step: readers find the old or the new content.

    If the path is not a regular file, such as a pipe, the text is written
    there directly.

    :param path: ``-`` is standard output.
    :raises errors.CacheError: the file was not written; an old file is
        unchanged.
    """
    if path == '-':
        # In UTF-8 like all other files, whatever the locale is.
        if buffer := getattr(stdout, 'buffer', None):
            stdout.flush()
            buffer.write(text.encode())
        else:
            stdout.write(text)
        stdout.flush()
        return
    try:
        if (target := _in_place(path)) is not None:
            with open(
                target, 'w', encoding='utf-8', closefd=target == path
            ) as new:
                new.write(text)
            return
        file = pathlib.Path(path).resolve()
        descriptor, name = tempfile.mkstemp(dir=file.parent)
        try:
            with os.fdopen(descriptor, 'w', encoding='utf-8') as new:
                new.write(text)
                new.flush()
                os.fsync(new.fileno())
            pathlib.Path(name).chmod(_mode(file))
            pathlib.Path(name).replace(file)
        except BaseException:
            pathlib.Path(name).unlink(missing_ok=True)
            raise
    except BrokenPipeError:
        raise  # As for standard output: cliff ends the command.
    except OSError as error:
        raise errors.CacheError(
            _("Cannot write '%(file)s': %(why)s")
            % {'file': path, 'why': error.strerror},
            _('Check the directory and its free space.'),
        ) from error


def _in_place(path: str) -> int | str | None:
    """What to open to write a file directly; None if it must be replaced.

    A descriptor of this process, such as ``/dev/stdout``, keeps its position:
    a shell may have opened a log file to append to it.
    """
    file = pathlib.Path(path)
    if not file.exists() or file.is_dir():
        return None
    own = pathlib.Path('/proc/self/fd').resolve()
    while file.is_symlink():
        if file.parent.resolve() == own:
            return int(file.name)
        file = file.parent / file.readlink()
    return None if file.is_file() else path


def _mode(file: pathlib.Path) -> int:
    """The mode of the old file; for a new file, readable by others."""
    try:
        return file.stat().st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return _MODE & ~mask
