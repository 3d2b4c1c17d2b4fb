# SPDX-License-Identifier: Apache-2.0

"""Runs programs: to their end, or in the background."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
from pathlib import Path
import signal
import subprocess
import sys
import threading

from tests.shell.result import PATIENCE
from tests.shell.result import Result

OPENSTACK = Path(sys.executable).parent / 'openstack'


def run_program(
    *argv: str | Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    timeout: float = PATIENCE,
    stdin: str = '',
) -> Result:
    """Run a program to its end, with pipes for its streams.

    :param environment: None for that of this process
    :param folder: None for the working directory of this process
    :raises subprocess.TimeoutExpired: it took longer than the timeout.
    """
    done = subprocess.run(
        argv,
        env=environment,
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


class Program(subprocess.Popen[str]):
    """A running program; see `started`.

    :ivar files: the files of its output, if it does not write to pipes
    :ivar overdue: a message, if it was killed because it took too long
    """

    files: tuple[Path, ...] = ()
    overdue: str = ''

    def time_out(self, seconds: float) -> None:
        """Kill the program if it has not ended."""
        if self.poll() is None:
            self.overdue = f'\nkilled: not ended within {seconds:.0f} seconds'
            self.kill()


@contextlib.contextmanager
def started(
    *argv: str | Path,
    environment: Mapping[str, str],
    folder: Path,
    timeout: float = PATIENCE,
    stdin: int = subprocess.DEVNULL,
    to_files: bool = False,
) -> Iterator[Program]:
    """A running program, killed at the end of the block.

    :param timeout: seconds after which it is killed, so that a reader of its
        output does not wait longer
    :param to_files: write the output to the files `out` and `err` in the
        folder, so that the program does not wait for a reader
    """
    files = (folder / 'out', folder / 'err') if to_files else ()
    pipes = (subprocess.PIPE, subprocess.PIPE)
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(one.open('wb')) for one in files]
        out, err = (one.fileno() for one in opened) if opened else pipes
        process = stack.enter_context(
            Program(
                argv,
                env=environment,
                cwd=folder,
                stdin=stdin,
                stdout=out,
                stderr=err,
                text=True,
                # The background processes of a shell ignore SIGINT, and their
                # children inherit this.
                preexec_fn=_default_sigint,
            )
        )
        process.files = files
        watchdog = threading.Timer(timeout, process.time_out, [timeout])
        stack.callback(process.kill)
        stack.callback(watchdog.cancel)
        watchdog.start()
        yield process


def ended(process: Program) -> Result:
    """Wait for the end of a program; returns its result."""
    out, err = process.communicate()
    if process.files:
        out, err = (one.read_text(encoding='utf-8') for one in process.files)
    return Result(process.returncode, out, err + process.overdue)


def _default_sigint() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
