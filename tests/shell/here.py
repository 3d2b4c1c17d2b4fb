# SPDX-License-Identifier: Apache-2.0

"""Runs `openstack` in this process.

A program takes more than a second to load; in this process, it loads only once.
Everything else is the same: login, sockets, files and output.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import functools
import io
import logging
import os
import pathlib
import signal
import sys
import types
from typing import Any
from typing import TextIO
import warnings

# Otherwise the first command that uses it imports it in the event loop.
import glanceclient.exc  # noqa: F401
from openstack.config import loader
from openstackclient import shell
from openstackclient.common import clientmanager
import stevedore

from tests.shell.result import PATIENCE
from tests.shell.result import Result

_load = stevedore.ExtensionManager
_load_commands = functools.cache(_load)
#: Services whose commands no test runs in this process. cliff reads the list of
#: all commands in each run.
_OTHERS = (
    'accelerator',
    'compute',
    'network',
    'object_store',
    'share',
    'volume',
)
#: Where OpenStackClient searches for settings; set when it is imported.
_SETTINGS = ('CONFIG_FILES', 'SECURE_FILES', 'VENDOR_FILES')


def run_here(
    *argv: str,
    environment: Mapping[str, str],
    folder: pathlib.Path,
    timeout: float = PATIENCE,
    stdin: str = '',
    merged: bool = False,
    terminal: bool = False,
) -> Result:
    """Run `openstack` in this process, on the main thread.

    :param merged: return standard error as a part of standard output
    :param terminal: whether its streams are a terminal
    :raises Overdue: it took longer than the timeout.
    """
    kind = _Terminal if terminal else io.StringIO
    out, err = kind(), kind()
    streams = {
        'stdin': Input(stdin, terminal=terminal),
        'stdout': out,
        'stderr': out if merged else err,
    }
    with (
        _environment(environment),
        contextlib.chdir(folder),
        _settings_of(folder),
        _attributes(sys, streams),
        # cliff reads the program name from sys.argv when it is imported.
        _attributes(shell.OpenStackShell, {'NAME': 'openstack'}),
        _attributes(stevedore, {'ExtensionManager': _extensions}),
        _logging(),
        _limit(timeout),
    ):
        _forget_clients()
        program = shell.OpenStackShell()
        try:
            code = program.run(list(argv))
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        finally:
            _close(program)
    return Result(code, out.getvalue(), err.getvalue())


class Overdue(BaseException):
    """A command took too long. The command must not catch this."""


class _Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return True


class Input(io.TextIOWrapper):
    """Standard input; lone surrogates are bytes that are not UTF-8."""

    def __init__(self, text: str, *, terminal: bool = False) -> None:
        data = text.encode('utf-8', 'surrogateescape')
        super().__init__(io.BytesIO(data), 'utf-8', 'surrogateescape')
        self._terminal = terminal

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._terminal


def _extensions(
    namespace: str, **options: Any
) -> stevedore.ExtensionManager[Any]:
    """Load extensions, but the same commands only once.

    No run changes them. Other extensions are instances, or have functions that
    are called when they are loaded.
    """
    if options:
        return _load(namespace, **options)
    if namespace.startswith(tuple(f'openstack.{one}.' for one in _OTHERS)):
        namespace = 'none'
    return _load_commands(namespace)


def _forget_clients() -> None:
    """Make each run log in again: OSC caches its clients on a class."""
    for owner in clientmanager.ClientManager.__mro__:
        for cached in vars(owner).values():
            if hasattr(cached, '_handle'):
                cached._handle = None


def _close(program: shell.OpenStackShell) -> None:
    """Close the connections that the end of a program would close."""
    manager = getattr(program, 'client_manager', None)
    if session := getattr(manager, 'session', None):
        session.session.close()


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _settings_of(folder: pathlib.Path) -> Iterator[None]:
    """Search for settings only in one directory."""
    own = {
        name: [
            str(folder / pathlib.Path(path).name)
            for path in getattr(loader, name)
        ]
        for name in _SETTINGS
    }
    with _attributes(loader, own):
        yield


@contextlib.contextmanager
def _attributes(
    owner: types.ModuleType | type, values: Mapping[str, Any]
) -> Iterator[None]:
    """Set attributes until the end of the block."""
    before = {name: getattr(owner, name) for name in values}
    for name, value in values.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(owner, name, value)


@contextlib.contextmanager
def _logging() -> Iterator[None]:
    """Give a run its own root logger and its own warnings."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.handlers.clear()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning as Python does; pytest would collect it."""
    text = warnings.formatwarning(message, category, filename, lineno, line)
    (file or sys.stderr).write(text)


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Raise `Overdue` if the block takes longer."""

    def overdue(*_signal: object) -> None:
        raise Overdue

    before = signal.signal(signal.SIGALRM, overdue)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
