# SPDX-License-Identifier: Apache-2.0

"""Reports failures: each failure once, on one line, at the end."""

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
    """The failures of one command.

    A command attempts all work and collects the failures. It reports them
    after it has printed its rows.

    :ivar allowed: the number of unreachable nodes that are reported as
        warnings and do not change the exit code.
    :ivar limited: the number of nodes to which that limit applies; 0 if the
        user did not set a limit.
    :ivar nodes: the names of nodes that failed.
    :ivar others: whether there are other failures, or the user stopped the
        command.
    """

    def __init__(self) -> None:
        self.allowed = 0
        self.limited = 0
        self.nodes: set[str] = set()
        self.others = False
        #: Each line with the name of the unreachable node, or an empty string
        #: for any other failure.
        self._lines: list[tuple[str, str]] = []
        self._remarks: list[str] = []
        #: The operations that failed without a login, by the name of the
        #: cloud and the error's text; those of nodes first.
        self._logins: dict[tuple[str, str], list[tuple[bool, str]]] = {}
        self._interrupted = 0
        self._stopped = False

    def add(self, what: str, error: errors.CacheError, node: str = '') -> None:
        """Add a failure.

        :param what: the operation that failed and its node, without a full
            stop: "Cannot list the cache of edge-oslo".
        :param error: the reason.
        :param node: the name of the node that failed; empty for none.
        """
        if node:
            self.nodes.add(node)
        else:
            self.others = True
        if isinstance(error, errors.Interrupted):
            self._interrupted += 1
            self._stopped = True
        elif isinstance(error, errors.LoginFailed):
            key = (error.cloud, str(error))
            self._logins.setdefault(key, []).append((not node, what))
        else:
            unreachable = node if errors.is_unreachable(error) else ''
            self._lines.append((line_of(error, f'{what}: '), unreachable))

    @property
    def lines(self) -> list[str]:
        """The lines of the failures and remarks so far."""
        lines = [line for line, __ in self._lines]
        return lines + self._login_lines() + self._remarks

    def _login_lines(self) -> list[str]:
        lines = []
        for (cloud, error), found in self._logins.items():
            (_other, first), *more = sorted(found, key=lambda one: one[0])
            rest = _(' and other operations (%d)') % len(more) if more else ''
            if cloud and (where := _("cloud '%s'") % cloud) not in first:
                rest += _(' in %s') % where
            lines.append(columns.safe_text(f'{first}{rest}: {error}'))
        return lines

    def remark(self, line: str) -> None:
        """Add a consequence of the failures, which is reported after them."""
        self._remarks.append(columns.safe_text(line))

    def interrupt(self, operations: int = 0) -> None:
        """Record that the user stopped the command.

        :param operations: how many operations this command did not begin.
        """
        self._interrupted += operations
        self._stopped = self.others = True

    def report(self, log: logging.Logger) -> int:
        """Log each failure.

        :returns: the exit code of the command.
        """
        self._lines += [(line, '') for line in self._login_lines()]
        self._logins.clear()
        unreachable = {node for __, node in self._lines if node}
        allowed = len(unreachable) <= self.allowed
        failed = False
        for line, node in self._lines:
            is_error = not (node and allowed)
            failed |= is_error
            write = log.error if is_error else log.warning
            write(line)
        write = log.error if failed or self._stopped else log.warning
        for line in self._remarks:
            write(line)
        if unreachable and self.limited:
            write = log.warning if allowed else log.error
            write(
                _('Unreachable nodes: %(some)d of %(all)d. Allowed: %(max)d.'),
                {
                    'some': len(unreachable),
                    'all': self.limited,
                    'max': self.allowed,
                },
            )
        if self._interrupted:
            log.error(
                _('Interrupted. Operations not done: %d.'), self._interrupted
            )
        elif self._stopped:
            log.error(_('Interrupted.'))
        if self._stopped:
            return _INTERRUPTED
        return 1 if failed else 0
