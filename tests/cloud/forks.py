# SPDX-License-Identifier: Apache-2.0

"""Starts scripts as forks of a process that has imported Glance.

The import takes most of the time of the start of a node.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
import functools
import json
from pathlib import Path
import socket
import subprocess
from typing import BinaryIO

_SCRIPT = Path(__file__).parent / 'inside' / 'forks.py'
_MODULES = (
    'glance.api.middleware.cache',
    'glance.api.middleware.cache_manage',
    'glance.api.v2.router',
    'glance.common.wsgi_app',
    'keystonemiddleware.auth_token',
    'waitress',
)


class ForkServer:
    """A process that forks; it ends with this process.

    :param command: Python with its options; not the script
    """

    def __init__(self, *command: str) -> None:
        self._control, stdin = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with stdin:
            self._process = subprocess.Popen(
                [*command, str(_SCRIPT), *_MODULES],
                env={'EVENTLET_NO_GREENDNS': 'yes'},
                stdin=stdin.fileno(),
                stdout=subprocess.DEVNULL,
                # Ctrl-C is not for it.
                start_new_session=True,
            )

    def fork(
        self,
        script: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        log: BinaryIO,
    ) -> tuple[int, socket.socket]:
        """Start a script with its arguments.

        :returns: its process ID, and its standard input
        :raises OSError: the fork server has ended
        """
        ours, stdin = socket.socketpair()
        request = json.dumps([script, environment, str(directory)])
        with stdin:
            socket.send_fds(
                self._control,
                [request.encode()],
                [stdin.fileno(), log.fileno()],
            )
        if not (pid := ours.recv(32)):
            raise ConnectionError('the fork server has ended')
        return int(pid), ours


fork_server = functools.cache(ForkServer)
