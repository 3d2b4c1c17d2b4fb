# SPDX-License-Identifier: Apache-2.0

"""Files that commands write."""

import os
import pathlib
import tempfile

from glance_cache_osc import errors
from glance_cache_osc.i18n import _

_MODE = 0o644


def replace(path: str, text: str) -> None:
    """Write a file in one step: who reads it finds the old or the new one.

    What is no file, such as a pipe, is written to.

    :raises errors.UsageError: the path is empty.
    :raises errors.CacheError: it was not written; the old one is untouched.
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
            with os.fdopen(descriptor, 'w', encoding='utf-8') as made:
                made.write(text)
                made.flush()
                os.fsync(made.fileno())
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
    """That of the old file; else one that others may read."""
    try:
        return file.stat().st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return _MODE & ~mask
