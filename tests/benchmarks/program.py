#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""The program under test: `openstack`, as a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import os
from pathlib import Path
import subprocess
import sys
import time

from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.pairs import Sample
from tests.benchmarks.relay import Relay

_MOST_SECONDS = 120
#: OpenStackClient as it is where no plugin hooks on to its commands.
_WITHOUT_HOOKS = """
import sys
from cliff import command
command.Command._load_hooks = lambda self: setattr(self, '_hooks', [])
from openstackclient import shell
sys.exit(shell.main(sys.argv[1:]))
"""


def installed() -> Path:
    """The `openstack` beside the Python that runs us.

    :raises BenchmarkError: there is none
    """
    found = Path(sys.executable).parent / 'openstack'
    if not found.exists():
        raise BenchmarkError(f'no openstack beside {sys.executable}')
    return found


@dataclass(frozen=True)
class Run:
    """One run of a command.

    :ivar output: what it wrote to standard output
    :ivar log: what it wrote to standard error
    """

    sample: Sample
    output: str
    log: str


class Program:
    """`openstack`, logged in, with the relay as the image endpoint.

    :param environment: the OS_… variables that it logs in with
    :param home: its working and home folder; no clouds.yaml of the person
        who runs this is read
    :param hooks: whether plugins may hook on to OpenStackClient's commands
    """

    def __init__(
        self,
        relay: Relay,
        environment: Mapping[str, str],
        home: Path,
        *,
        hooks: bool = True,
    ) -> None:
        self._program = (
            [str(installed())]
            if hooks
            else [sys.executable, '-c', _WITHOUT_HOOKS]
        )
        self._relay = relay
        # Little of our own environment: no PYTHON…, OS_… or …_proxy.
        self._environment = {
            'PATH': os.defpath,
            'HOME': str(home),
            'LANG': 'C.UTF-8',
            **environment,
            'OS_IMAGE_ENDPOINT_OVERRIDE': relay.url,
        }
        self._home = home

    def run(self, *arguments: str) -> Run:
        """Run a command and time it, from its start to its end.

        :raises BenchmarkError: it failed, or took longer than two minutes
        """
        self._relay.take_requests()
        begun = time.perf_counter()
        try:
            done = subprocess.run(
                [*self._program, *arguments],
                env=self._environment,
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding='utf-8',
                timeout=_MOST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _failed(arguments, str(error)) from error
        seconds = time.perf_counter() - begun
        if done.returncode:
            raise _failed(
                arguments,
                f'exit code {done.returncode}\n{done.stderr[-2000:]}',
            )
        requests = len(self._relay.take_requests())
        return Run(Sample(seconds, requests), done.stdout, done.stderr)

    def warm_up(self, past: str, *arguments: str) -> Run:
        """Run a command, and see that it reaches Glance by the relay alone.

        :param past: Glance's own URL, where no request may go
        :raises BenchmarkError: it failed, or went past the relay, or the
            relay and the command's own log count its requests differently
        """
        run = self.run('--debug', *arguments)
        if _logged(run, past):
            raise _failed(arguments, f'it sent requests to {past}')
        logged = _logged(run, self._relay.url)
        if logged != run.sample.requests:
            raise _failed(
                arguments,
                f'it logged {logged} requests, and the relay counted'
                f' {run.sample.requests}',
            )
        return run


def _logged(run: Run, url: str) -> int:
    """How many requests to a URL urllib3 wrote down in the log of a run."""
    # http://127.0.0.1:9292 "GET /v2/cache HTTP/1.1" 200 10755
    return sum(line.startswith(f'{url} "') for line in run.log.splitlines())


def _failed(arguments: tuple[str, ...], why: str) -> BenchmarkError:
    return BenchmarkError(f'openstack {" ".join(arguments[:4])} …: {why}')
