# SPDX-License-Identifier: Apache-2.0

"""One way to tell of failures: each once, on a line, at the end."""

import logging

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.i18n import _

_INTERRUPTED = 130


class Failures:
    """What a command could not do.

    Failures are collected while everything is attempted, and told after
    the rows have been printed.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._interrupted = 0
        self._stopped = False

    def add(self, what: str, error: errors.CacheError) -> None:
        """Note a failure.

        :param what: what could not be done and where, without a full stop:
            "Cannot list the cache of edge-oslo".
        :param error: why.
        """
        if isinstance(error, errors.Interrupted):
            self._interrupted += 1
            self._stopped = True
        else:
            self._lines.append(columns.safe_text(f'{what}: {error}'))

    def remark(self, line: str) -> None:
        """Note what follows from the failures, to be told after them."""
        self._lines.append(columns.safe_text(line))

    def interrupt(self) -> None:
        """Note that the user stopped the command."""
        self._stopped = True

    def tell(self, log: logging.Logger) -> int:
        """Log each failure, and return the exit code."""
        for line in self._lines:
            log.error(line)
        if self._stopped:
            log.error(_('Interrupted. Not asked for: %d.'), self._interrupted)
            return _INTERRUPTED
        return 1 if self._lines else 0
