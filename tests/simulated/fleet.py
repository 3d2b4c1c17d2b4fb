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

"""The simulated fleet, as a context manager."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
import json
import os
from pathlib import Path
import subprocess
import sys
from types import TracebackType
from typing import Any
from typing import TYPE_CHECKING

from tests.cloud import rest
from tests.simulated import login
from tests.simulated.address import Address
from tests.simulated.faults import Fault
from tests.simulated.simulation import host_of
from tests.simulated.simulation import name_of
from tests.simulated.simulation import Settings
from tests.simulated.wire import Line

if TYPE_CHECKING:
    from typing_extensions import Self

_LIFETIME = 900.0
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


class SimulatedFleet:
    """Glance nodes by the thousand, and a Keystone, in another process.

    :param settings: how many nodes, what they hold, how far away they are
    :param lifetime: seconds after which it ends, whatever becomes of us

    :ivar auth_url: what OS_AUTH_URL takes
    :ivar image_url: the central Glance, which is in the catalogue
    :ivar nodes: name → endpoint, in order; nodes are numbered from 0 below
    :ivar images: ID → name of the catalogue's images
    """

    def __init__(
        self, settings: Settings | None = None, lifetime: float = _LIFETIME
    ) -> None:
        self.auth_url = ''
        self.image_url = ''
        self.nodes: dict[str, str] = {}
        self.images: dict[str, str] = {}
        self._settings = settings or Settings()
        self._lifetime = lifetime
        self._control = ''
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Self:
        if why := missing():
            raise FleetError(why)
        # A session of its own: an interrupt is for us alone.
        self._process = subprocess.Popen(
            [
                *(sys.executable, '-m', 'tests.simulated'),
                json.dumps(asdict(self._settings)),
                str(self._lifetime),
            ],
            cwd=Path(__file__).parents[2],
            env={'PATH': os.defpath, 'LANG': 'C.UTF-8'},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            self._await_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def _await_ready(self) -> None:
        assert self._process.stdout
        assert self._process.stderr
        line = self._process.stdout.readline()
        if not line:
            why = self._process.stderr.read().strip()
            raise FleetError(f'the fleet did not come up: {why}')
        told = json.loads(line)
        self.auth_url = told['auth_url']
        self.image_url = told['image_url']
        self.nodes = {
            name_of(at): url for at, url in enumerate(told['endpoints'])
        }
        self.images = told['images']
        self._control = f'http://127.0.0.1:{told["control"]}'

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        try:
            # The end of its standard input is the end of it.
            self._process.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def set_fault(self, nodes: Iterable[int], fault: Fault | None) -> None:
        """Have nodes fail in a way, or work again with None."""
        self._tell('fault', nodes=list(nodes), fault=fault)

    def set_cache(
        self,
        nodes: Iterable[int],
        cached: Iterable[str] = (),
        queued: Iterable[str] = (),
    ) -> None:
        """Have nodes hold images, by their IDs, and no others.

        An ID that is not one of `images` is an orphan's.
        """
        self._tell(
            'cache',
            nodes=list(nodes),
            cached=list(cached),
            queued=list(queued),
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
        return dict(self._state()['requests'])

    def caches(self) -> dict[str, dict[str, list[str]]]:
        """What is held: name → `cached` and `queued` → IDs."""
        return dict(self._state()['caches'])

    def most_fills(self) -> int:
        """How many images were being fetched at once, at the most."""
        return int(self._state()['most_fills'])

    def cpu_seconds(self) -> float:
        """What all answering has cost so far."""
        return float(self._state()['cpu_seconds'])

    def environment(self, clouds_yaml: Path | None = None) -> dict[str, str]:
        """The OS_… variables with which `openstack` logs in.

        :param clouds_yaml: as :meth:`clouds_yaml` wrote it; None names no
            nodes, and needs no file
        """
        return login.environment(self.auth_url, clouds_yaml)

    def clouds_yaml(self, path: Path, nodes: int | None = None) -> None:
        """Write a clouds.yaml whose one cloud names nodes.

        :param nodes: how many, from the first on; None names all
        """
        named = dict(list(self.nodes.items())[:nodes])
        path.write_text(login.clouds_yaml(self.auth_url, named))

    def _tell(self, path: str, **body: Any) -> None:
        rest.call('POST', f'{self._control}/{path}', body=body)

    def _state(self) -> dict[str, Any]:
        body: dict[str, Any] = rest.call('GET', f'{self._control}/state').body
        return body
