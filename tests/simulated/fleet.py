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
from tests.simulated.wire import Line

_LIFETIME = 900.0
#: So many of them need fewer open files than Linux allows by default.
_NODES_PER_PROCESS = 4000
_END_SECONDS = 10.0


class FleetError(Exception):
    """The fleet did not come up. The text says why."""


def missing() -> str | None:
    """Why there can be no fleet on this machine; None if there can."""
    try:
        Address(host_of(0), 0, lambda _: None, Line()).close()
    except OSError as error:
        return (
            f'this machine has no loopback address {host_of(0)} ({error});'
            ' Linux has all of 127.0.0.0/8'
        )
    return None


class _Process:
    """One process that answers for some nodes, as a context manager.

    :ivar told: what it wrote when it was ready
    """

    def __init__(self, settings: Settings, lifetime: float) -> None:
        self.told: dict[str, Any] = {}
        # A session of its own: an interrupt is for us alone.
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
        """Wait until it answers.

        :raises FleetError: it ended
        """
        assert self._child.stdout
        assert self._child.stderr
        line = self._child.stdout.readline()
        if not line:
            why = self._child.stderr.read().strip()
            raise FleetError(f'the fleet did not come up: {why}')
        self.told = json.loads(line)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Ask its control endpoint."""
        url = f'http://127.0.0.1:{self.told["control"]}/{path}'
        return rest.call(method, url, body=body).body

    def wait(self, seconds: float) -> int:
        """Wait for its end; returns its exit code."""
        return self._child.wait(seconds)

    def __exit__(self, *_: object) -> None:
        try:
            # The end of its standard input is the end of it.
            self._child.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.communicate()


class SimulatedFleet:
    """Glance nodes by the thousand, and a Keystone, in other processes.

    :param settings: how many nodes, what they hold, how far away they are
    :param lifetime: seconds after which it ends, whatever becomes of us
    :param each: the most nodes that one process answers for

    :ivar auth_url: what OS_AUTH_URL takes
    :ivar image_url: the central Glance, which is in the catalogue
    :ivar nodes: name → endpoint, in order; nodes are numbered from 0 below
    :ivar images: ID → name of the catalogue's images
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
        told = self._processes[0].told
        self.auth_url = told['auth_url']
        self.image_url = told['image_url']
        self.images = told['images']
        urls = [
            url for one in self._processes for url in one.told['endpoints']
        ]
        self.nodes = {name_of(at): url for at, url in enumerate(urls)}
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def wait(self, seconds: float) -> list[int]:
        """Wait for the end of each process; returns the exit codes."""
        return [one.wait(seconds) for one in self._processes]

    def set_fault(self, nodes: Iterable[int], fault: Fault | None) -> None:
        """Have nodes fail in a way, or work again with None."""
        self._tell_nodes('fault', nodes, fault=fault)

    def set_cache(
        self,
        nodes: Iterable[int],
        cached: Iterable[str] = (),
        queued: Iterable[str] = (),
    ) -> None:
        """Have nodes hold images, by their IDs, and no others.

        An ID that is not one of `images` is an orphan's.
        """
        self._tell_nodes(
            'cache', nodes, cached=list(cached), queued=list(queued)
        )

    def set_round_trip(self, seconds: float) -> None:
        """How long an answer takes to come, from now on."""
        self._tell('settings', round_trip=seconds)

    def set_fill(self, seconds: float | None) -> None:
        """How long a fill takes, from now on; None for ever."""
        self._tell('settings', fill=seconds)

    def reset(self) -> None:
        """Fill all caches as at first, and forget requests; faults stay."""
        self._tell('reset')

    def forget_requests(self) -> None:
        """Begin to count requests anew."""
        self._tell('forget')

    def requests(self) -> dict[str, dict[str, int]]:
        """What was asked: name → `GET /v2/cache` → how many times.

        The names are those of the nodes, `central` and `keystone`.
        """
        return self._merged('requests')

    def await_requests(self, count: int, seconds: float) -> bool:
        """Wait until Glances were asked so many times, or the time is over.

        :param count: since requests were forgotten; of the first process's
            nodes and the central Glance
        """
        body = {'requests': count, 'seconds': seconds}
        return bool(self._processes[0].call('POST', 'await', body))

    def caches(self) -> dict[str, dict[str, list[str]]]:
        """What is held: name → `cached` and `queued` → IDs."""
        return self._merged('caches')

    def read(self, what: str) -> dict[str, Any]:
        """`arrivals` or `entries` of each node: see `Simulation`."""
        return self._merged(what)

    def most_fills(self) -> int:
        """How many images were being fetched at once, at the most."""
        return int(self._processes[0].call('GET', 'most-fills'))

    def cpu_seconds(self) -> float:
        """What all answering has cost so far."""
        return float(
            sum(one.call('GET', 'cpu-seconds') for one in self._processes)
        )

    def environment(self, clouds_yaml: Path | None = None) -> dict[str, str]:
        """The OS_… variables with which `openstack` logs in.

        :param clouds_yaml: as :meth:`clouds_yaml` wrote it; None names no
            nodes, and needs no file
        """
        return login.environment(self.auth_url, clouds_yaml)

    def shell(self, home: Path) -> dict[str, str]:
        """All variables of an `openstack` that manages all nodes.

        Little of our own: no PYTHON…, OS_… or …_proxy.

        :param home: its home folder; clouds.yaml is written there
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
        """Write a clouds.yaml whose one cloud names nodes.

        :param nodes: how many, from the first on, or name → endpoint of
            others; None names all
        :param nodes_file: the nodes go there, as JSON, and clouds.yaml
            names this file
        """
        if not isinstance(nodes, Mapping):
            nodes = dict(list(self.nodes.items())[:nodes])
        path.write_text(login.clouds_yaml(self.auth_url, nodes, nodes_file))

    def _tell(self, path: str, **body: Any) -> None:
        for process in self._processes:
            process.call('POST', path, body)

    def _tell_nodes(
        self, path: str, nodes: Iterable[int], **body: Any
    ) -> None:
        """Tell each process of those of its nodes that are meant."""
        meant = list(nodes)
        for number, process in enumerate(self._processes):
            first = number * self._each
            own = [at - first for at in meant if 0 <= at - first < self._each]
            if own:
                process.call('POST', path, {'nodes': own, **body})

    def _merged(self, path: str) -> dict[str, Any]:
        """Name → what; the first process has the Keystone that is asked."""
        merged: dict[str, Any] = {}
        for process in self._processes:
            merged = {**merged, **process.call('GET', path), **merged}
        return merged
