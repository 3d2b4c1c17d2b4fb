# SPDX-License-Identifier: Apache-2.0

"""`openstack` where names take their time, as a program.

    python slow_names.py NAMES SECONDS image cache list …

NAMES is a JSON file of names and addresses. Looking up one of the names takes
so many seconds; a name without an address hangs. Other hosts are looked up as
ever.
"""

import json
from pathlib import Path
import socket
import sys
import time
from typing import Any

_HANGS = 30.0
_getaddrinfo = socket.getaddrinfo


def _slow(names: dict[str, str | None], seconds: float) -> Any:
    def getaddrinfo(host: Any, *options: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name in names:
            host = names[name]
            time.sleep(_HANGS if host is None else seconds)
            if host is None:
                raise socket.gaierror(socket.EAI_AGAIN, 'no answer')
        return _getaddrinfo(host, *options, **named)

    return getaddrinfo


if __name__ == '__main__':
    _names, _seconds, *sys.argv[1:] = sys.argv[1:]
    socket.getaddrinfo = _slow(
        json.loads(Path(_names).read_text(encoding='utf-8')), float(_seconds)
    )
    from openstackclient import shell

    sys.exit(shell.main(sys.argv[1:]))
