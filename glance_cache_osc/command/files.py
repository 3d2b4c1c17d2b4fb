# SPDX-License-Identifier: Apache-2.0

"""Write output files of commands."""

import os
import pathlib
import tempfile

from glance_cache_osc import errors
from glance_cache_osc.i18n import _

_MODE = 0o644


def replace(path: str, text: str) -> None:
    """Replace a file in one step: readers find the old or the new content.

    If the path is not a regular file, such as a pipe, the text is written
    there directly.

    :raises errors.UsageError: the path is empty.
    :raises errors.CacheError: the file was not written; an old file is
        unchanged.
    """
    if not path:
        raise errors.UsageError(_("'--output' is empty"), _('Specify a file.'))
    try:
        file = pathlib.Path(path).resolve()
        if file.exists() and not file.is_file():
            file.write_text(text, encoding='utf-8')
            return
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
    except OSError as error:
        raise errors.CacheError(
            _("Cannot write '%(file)s': %(why)s")
            % {'file': path, 'why': error.strerror},
            _('Check the directory and its free space.'),
        ) from error


def _mode(file: pathlib.Path) -> int:
    """The mode of the old file; for a new file, readable by others."""
    try:
        return file.stat().st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return _MODE & ~mask
