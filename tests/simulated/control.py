# SPDX-License-Identifier: Apache-2.0

"""The endpoint that controls the simulation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
import json
import time
from typing import Any

from tests.simulated.faults import Fault
from tests.simulated.simulation import Simulation
from tests.simulated.wire import json_response
from tests.simulated.wire import Request
from tests.simulated.wire import take_request


class Control:
    """HTTP on 127.0.0.1: GET for the state, and POST with JSON.

    | GET | response |
    | --- | --- |
    | /requests, /caches, /arrivals, /entries | see `Simulation` |
    | /most-fills | maximum number of concurrent fills |
    | /cpu-seconds | CPU seconds of this process |

    | POST | body |
    | --- | --- |
    | /fault | `{"nodes": [0, 1], "fault": "silent"}`; null for none |
    | /cache | `{"nodes": [0], "cached": [ids], "queued": [ids]}` |
    | /settings | `{"round_trip": 0.05, "fill": null}`, one or both |
    | /await | `{"requests": 100, "seconds": 1}`; the response is a boolean |
    | /reset, /reset-requests, /revoke | nothing |
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._states: dict[str, Callable[[], Any]] = {
            '/requests': simulation.requests,
            '/caches': simulation.caches,
            '/arrivals': simulation.arrivals,
            '/entries': simulation.entries,
            '/most-fills': lambda: simulation.filling.most,
            '/cpu-seconds': time.process_time,
        }
        self._actions: dict[str, Callable[[], None]] = {
            '/reset': simulation.reset,
            '/reset-requests': simulation.reset_requests,
            '/revoke': simulation.realm.revoke,
        }

    async def open(self) -> int:
        """Start to serve requests; returns the port."""
        server = await asyncio.start_server(self._connected, '127.0.0.1', 0)
        return int(server.sockets[0].getsockname()[1])

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with closing(writer):
            buffer = bytearray()
            while (request := take_request(buffer)) is None:
                block = await reader.read(65536)
                if not block:
                    return
                buffer += block
            try:
                answer = await self._answer(request)
            except (ValueError, KeyError, IndexError, TypeError) as error:
                answer = json_response(repr(error), '400 Bad Request')
            writer.write(answer)
            await writer.drain()

    async def _answer(self, request: Request) -> bytes:
        simulation = self._simulation
        if request.method == 'GET':
            return json_response(self._states[request.path]())
        body: dict[str, Any] = json.loads(request.body or b'{}')
        if request.path == '/fault':
            fault = None if body['fault'] is None else Fault(body['fault'])
            await simulation.set_fault(body['nodes'], fault)
        elif request.path == '/cache':
            simulation.set_cache(body['nodes'], body['cached'], body['queued'])
        elif request.path == '/settings':
            if 'round_trip' in body:
                simulation.network.round_trip = float(body['round_trip'])
            if 'fill' in body:
                simulation.filling.seconds = body['fill']
        elif request.path == '/await':
            came = simulation.await_requests(body['requests'], body['seconds'])
            return json_response(await came)
        elif request.path in self._actions:
            self._actions[request.path]()
        else:
            return json_response('no such path', '404 Not Found')
        return json_response(None)
