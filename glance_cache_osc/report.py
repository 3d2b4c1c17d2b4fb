# SPDX-License-Identifier: Apache-2.0

"""One way to tell of failures: each once, on a line, at the end."""

import logging

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.i18n import _

_INTERRUPTED = 130


def line_of(error: errors.CacheError, prefix: str = '') -> str:
    """The line that reports an error, with Glance's request ID if known.

    :param prefix: the text before the error.
    """
    line = f'{prefix}{error}'
    if request_id := errors.request_id_of(error):
        line += f' (Request-ID: {request_id})'
    return columns.safe_text(line)


class Failures:
    """What a command could not do.

    Failures are collected while everything is attempted, and reported after
    the rows have been printed.

    :ivar allowed: so many unreachable nodes are reported as warnings, and do
        not change the exit code.
    """

    def __init__(self) -> None:
        self.allowed = 0
        #: Each with the node that was not reached, if that is why; None for
        #: a remark.
        self._lines: list[tuple[str, str | None]] = []
        #: What failed for want of a login, by the words for that.
        self._logins: dict[str, list[str]] = {}
        self._interrupted = 0
        self._stopped = False

    def add(self, what: str, error: errors.CacheError, node: str = '') -> None:
        """Note a failure.

        :param what: what could not be done and where, without a full stop:
            "Cannot list the cache of edge-oslo".
        :param error: why.
        :param node: the name of the node that failed; empty for none.
        """
        if isinstance(error, errors.Interrupted):
            self._interrupted += 1
            self._stopped = True
        elif isinstance(error, errors.LoginFailed):
            self._logins.setdefault(str(error), []).append(what)
        else:
            lost = node if errors.is_unreachable(error) else ''
            self._lines.append((line_of(error, f'{what}: '), lost))

    @property
    def lines(self) -> list[str]:
        """The failures so far."""
        return [line for line, __ in self._lines] + self._login_lines()

    def _login_lines(self) -> list[str]:
        return [
            columns.safe_text(f'{columns.few(what, 1)}: {error}')
            for error, what in self._logins.items()
        ]

    def remark(self, line: str) -> None:
        """Note a consequence of the failures, to be reported after them."""
        self._lines.append((columns.safe_text(line), None))

    def interrupt(self) -> None:
        """Note that the user stopped the command."""
        self._stopped = True

    def tell(self, log: logging.Logger) -> int:
        """Log each failure, and return the exit code."""
        self._lines += [(line, '') for line in self._login_lines()]
        self._logins.clear()
        lost = {node for __, node in self._lines if node}
        allowed = len(lost) <= self.allowed
        failed = any(
            node is not None and not (node and allowed)
            for __, node in self._lines
        )
        for line, node in self._lines:
            if node is None:
                is_error = failed or self._stopped
            else:
                is_error = not (node and allowed)
            tell = log.error if is_error else log.warning
            tell(line)
        if self._stopped:
            log.error(
                _('Interrupted. Operations not done: %d.'), self._interrupted
            )
            return _INTERRUPTED
        return 1 if failed else 0
