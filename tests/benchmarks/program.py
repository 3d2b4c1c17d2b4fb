# SPDX-License-Identifier: Apache-2.0

"""Runs `openstack` on one real node; measures time, counts requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
import re

from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_program import FleetProgram
from tests.benchmarks.fleet_program import Measured
from tests.relay import Relay


class Program:
    """`openstack` with a login, and with the relay as the image endpoint.

    :param environment: the OS_… variables of the login
    :param home: its working and home directory, so that it does not read
        the clouds.yaml of the user
    """

    def __init__(
        self, relay: Relay, environment: Mapping[str, str], home: Path
    ) -> None:
        self._program = FleetProgram(home)
        self._relay = relay
        self._environment = {
            **environment,
            'OS_IMAGE_ENDPOINT_OVERRIDE': relay.url,
        }

    def run(self, *arguments: str) -> Measured:
        """Run a command, and measure the time from start to end.

        :raises BenchmarkError: it failed, or took more than two minutes
        """
        self._relay.reset()
        done = self._program.run(self._environment, *arguments)
        if done.code:
            raise _failed(
                arguments, f'exit code {done.code}\n{done.err[-2000:]}'
            )
        requests = len(self._relay.requests)
        return replace(done, requests=requests)

    def warm_up(self, past: str, *arguments: str) -> Measured:
        """Run a command, and check that all its requests use the relay.

        :param past: URL of Glance itself; no request may go there
        :raises BenchmarkError: it failed, or did not use the relay, or the
            relay and the log of the command have different requests
        """
        run = self.run('--debug', *arguments)
        if _logged(run, past):
            raise _failed(arguments, f'it sent requests to {past}')
        logged = _logged(run, self._relay.url)
        if logged != run.requests:
            raise _failed(
                arguments,
                f'it logged {logged} requests, but the relay counted'
                f' {run.requests}',
            )
        return run


def _logged(run: Measured, url: str) -> int:
    """Number of requests to a URL in the log of OpenStackClient."""
    # REQ: curl -g -i -X GET http://127.0.0.1:9292/v2/cache -H "…
    request = re.compile(rf'REQ: curl [^:]* "?{re.escape(url)}["/? ]')
    return sum(bool(request.match(line)) for line in run.err.splitlines())


def _failed(arguments: tuple[str, ...], why: str) -> BenchmarkError:
    return BenchmarkError(f'openstack {" ".join(arguments[:4])} …: {why}')
