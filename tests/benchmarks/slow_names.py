# SPDX-License-Identifier: Apache-2.0

"""A program that runs `openstack` with slow look-ups of names.

    python slow_names.py NAMES SECONDS image cache list …

NAMES is a JSON file of names and addresses. The look-up of one of these names
takes SECONDS. With null in place of an address, it does not end; with an empty
text, it fails; with a list, each look-up uses the next address, and the last
one stays. The look-up of other hosts is not changed.
"""

import json
from pathlib import Path
import socket
import sys
import time
from typing import Any

_HANGS = 30.0
_getaddrinfo = socket.getaddrinfo

_Address = str | None


def _slow(names: dict[str, _Address | list[_Address]], seconds: float) -> Any:
    def getaddrinfo(host: Any, *options: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name in names:
            host = names[name]
            if isinstance(host, list):
                host = host.pop(0) if len(host) > 1 else host[0]
            time.sleep(_HANGS if host is None else seconds)
            if host is None:
                raise socket.gaierror(socket.EAI_AGAIN, 'no answer')
            if not host:
                raise socket.gaierror(socket.EAI_NONAME, 'unknown name')
        return _getaddrinfo(host, *options, **named)

    return getaddrinfo


if __name__ == '__main__':
    _names, _seconds, *sys.argv[1:] = sys.argv[1:]
    socket.getaddrinfo = _slow(
        json.loads(Path(_names).read_text(encoding='utf-8')), float(_seconds)
    )
    from openstackclient import shell

    sys.exit(shell.main(sys.argv[1:]))
