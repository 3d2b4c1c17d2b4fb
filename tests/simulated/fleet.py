# SPDX-License-Identifier: Apache-2.0

"""The simulated fleet, as a context manager."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from dataclasses import replace
import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any
from typing import Self

from tests.cloud import rest
from tests.simulated import login
from tests.simulated.address import Address
from tests.simulated.faults import Fault
from tests.simulated.simulation import host_of
from tests.simulated.simulation import name_of
from tests.simulated.simulation import Settings
from tests.simulated.wire import Network

_LIFETIME = 900.0
#: This number of nodes stays below Linux's default limit of open files.
_NODES_PER_PROCESS = 4000
_END_SECONDS = 10.0


class FleetError(Exception):
    """The simulation did not start. The text contains the reason."""


def missing() -> str | None:
    """Why this machine cannot run the simulation; None if it can."""
    try:
        Address(host_of(0), 0, lambda _: None, Network()).close()
    except OSError as error:
        return (
            f'this machine has no loopback address {host_of(0)} ({error});'
            ' use Linux, which has all of 127.0.0.0/8'
        )
    return None


class _Process:
    """One process that simulates some nodes, as a context manager.

    :ivar description: the JSON that it printed when it was ready
    """

    def __init__(self, settings: Settings, lifetime: float) -> None:
        self.description: dict[str, Any] = {}
        # A separate session, so that Ctrl-C does not reach the process.
        self._child = subprocess.Popen(
            [
                *(sys.executable, '-m', 'tests.simulated'),
                json.dumps(asdict(settings)),
                str(lifetime),
            ],
            cwd=Path(__file__).parents[2],
            env={'PATH': os.defpath, 'LANG': 'C.UTF-8'},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def await_ready(self) -> None:
        """Wait until the process is ready.

        :raises FleetError: the process ended
        """
        assert self._child.stdout
        assert self._child.stderr
        line = self._child.stdout.readline()
        if not line:
            why = self._child.stderr.read().strip()
            raise FleetError(f'the simulation did not start: {why}')
        self.description = json.loads(line)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send a request to the control endpoint of the process."""
        url = f'http://127.0.0.1:{self.description["control"]}/{path}'
        return rest.call(method, url, body=body).body

    def wait(self, seconds: float) -> int:
        """Wait for the end of the process; returns its exit code."""
        return self._child.wait(seconds)

    def __exit__(self, *_: object) -> None:
        try:
            # The process ends when its standard input is closed.
            self._child.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.communicate()


class SimulatedFleet:
    """Thousands of Glance nodes, and a Keystone, in other processes.

    :param settings: number of nodes, their contents, and their distance
    :param lifetime: seconds after which the processes end in any case
    :param each: maximum number of nodes of one process

    :ivar auth_url: the value of OS_AUTH_URL
    :ivar image_url: the central Glance, which is in the catalogue
    :ivar nodes: endpoints by name, in order; methods number nodes from 0
    :ivar images: names of the images by ID
    """

    def __init__(
        self,
        settings: Settings | None = None,
        lifetime: float = _LIFETIME,
        each: int = _NODES_PER_PROCESS,
    ) -> None:
        self.auth_url = ''
        self.image_url = ''
        self.nodes: dict[str, str] = {}
        self.images: dict[str, str] = {}
        self._settings = settings or Settings()
        self._lifetime = lifetime
        self._each = each
        self._processes: list[_Process] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if why := missing():
            raise FleetError(why)
        with ExitStack() as stack:
            for first in range(0, self._settings.nodes, self._each):
                nodes = min(self._each, self._settings.nodes - first)
                part = replace(self._settings, nodes=nodes, first=first)
                process = _Process(part, self._lifetime)
                self._processes.append(stack.enter_context(process))
            for process in self._processes:
                process.await_ready()
            self._open = stack.pop_all()
        description = self._processes[0].description
        self.auth_url = description['auth_url']
        self.image_url = description['image_url']
        self.images = description['images']
        urls = [
            url
            for one in self._processes
            for url in one.description['endpoints']
        ]
        self.nodes = {name_of(at): url for at, url in enumerate(urls)}
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def wait(self, seconds: float) -> list[int]:
        """Wait for the end of all processes; returns their exit codes."""
        return [one.wait(seconds) for one in self._processes]

    def set_fault(self, nodes: Iterable[int], fault: Fault | None) -> None:
        """Set the fault of nodes; None removes it."""
        self._post_nodes('fault', nodes, fault=fault)

    def set_cache(
        self,
        nodes: Iterable[int],
        cached: Iterable[str] = (),
        queued: Iterable[str] = (),
    ) -> None:
        """Replace the cached and queued images of nodes, by ID.

        An ID that is not in `images` is an orphan.
        """
        self._post_nodes(
            'cache', nodes, cached=list(cached), queued=list(queued)
        )

    def set_round_trip(self, seconds: float) -> None:
        """Set the round trip in seconds."""
        self._post('settings', round_trip=seconds)

    def set_fill(self, seconds: float | None) -> None:
        """Set the duration of a fill; with None, fills do not end."""
        self._post('settings', fill=seconds)

    def reset(self) -> None:
        """Restore the first caches and counts; faults and the token stay."""
        self._post('reset')

    def reset_requests(self) -> None:
        """Reset the counts of requests."""
        self._post('reset-requests')

    def revoke(self) -> None:
        """Revoke the token; nodes accept only that of a later login."""
        self._post('revoke')

    def requests(self) -> dict[str, dict[str, int]]:
        """The number of requests, by name and `GET /v2/cache`.

        The names are those of the nodes, `central` and `keystone`.
        """
        return self._merged('requests')

    def await_requests(self, count: int, seconds: float) -> bool:
        """Wait for a number of requests; returns whether they arrived in time.

        :param count: requests since the last reset, to the nodes of the first
            process and to the central Glance
        """
        body = {'requests': count, 'seconds': seconds}
        return bool(self._processes[0].call('POST', 'await', body))

    def caches(self) -> dict[str, dict[str, list[str]]]:
        """The IDs of the images, by name and `cached` or `queued`."""
        return self._merged('caches')

    def read(self, what: str) -> dict[str, Any]:
        """`arrivals` or `entries` of each node: see `Simulation`."""
        return self._merged(what)

    def most_fills(self) -> int:
        """The maximum number of concurrent fills."""
        return int(self._processes[0].call('GET', 'most-fills'))

    def cpu_seconds(self) -> float:
        """The CPU seconds of all processes."""
        return float(
            sum(one.call('GET', 'cpu-seconds') for one in self._processes)
        )

    def environment(self, clouds_yaml: Path | None = None) -> dict[str, str]:
        """The OS_… variables for the login of `openstack`.

        :param clouds_yaml: a file that :meth:`clouds_yaml` wrote; None for a
            login without a file and without nodes
        """
        return login.environment(self.auth_url, clouds_yaml)

    def shell(self, home: Path) -> dict[str, str]:
        """The complete environment of an `openstack` that manages all nodes.

        It contains no PYTHON…, OS_… and …_proxy of this process.

        :param home: its home directory, for clouds.yaml
        """
        path = home / 'clouds.yaml'
        self.clouds_yaml(path)
        return {
            'PATH': os.defpath,
            'HOME': str(home),
            'LANG': 'C.UTF-8',
            **self.environment(path),
        }

    def clouds_yaml(
        self,
        path: Path,
        nodes: int | Mapping[str, str] | None = None,
        nodes_file: Path | None = None,
    ) -> None:
        """Write a clouds.yaml with one cloud and its nodes.

        :param nodes: the number of nodes from the first, or endpoints by
            name; None for all nodes
        :param nodes_file: write the nodes to this file as JSON, and its name
            to clouds.yaml
        """
        if not isinstance(nodes, Mapping):
            nodes = dict(list(self.nodes.items())[:nodes])
        path.write_text(login.clouds_yaml(self.auth_url, nodes, nodes_file))

    def _post(self, path: str, **body: Any) -> None:
        for process in self._processes:
            process.call('POST', path, body)

    def _post_nodes(
        self, path: str, nodes: Iterable[int], **body: Any
    ) -> None:
        """Send a request to each process, with its part of the nodes."""
        meant = list(nodes)
        for number, process in enumerate(self._processes):
            first = number * self._each
            own = [at - first for at in meant if 0 <= at - first < self._each]
            if own:
                process.call('POST', path, {'nodes': own, **body})

    def _merged(self, path: str) -> dict[str, Any]:
        """The merged results by name; Keystone is in the first process."""
        merged: dict[str, Any] = {}
        for process in self._processes:
            merged = {**merged, **process.call('GET', path), **merged}
        return merged
