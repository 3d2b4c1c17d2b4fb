# SPDX-License-Identifier: Apache-2.0

"""Serve one WSGI application on loopback. Runs inside the services' venv.

    python -I serve.py MODULE:NAME PORT [--lifeline]

NAME is the application, or with () behind it what makes one. With
--lifeline the standard input is a pipe that the starter holds open: when it
closes, however the starter ended, this process ends too.

Plain enough for the Python of an old Glance (3.6), and started with -I, so
that the glance.py and keystone.py of this package hide nothing.
"""

import importlib
import os
import signal
import socket
import sys
import threading


def follow_lifeline():
    # type: () -> None
    # os.read and not sys.stdin: a daemon thread that holds the lock of a
    # buffered reader makes the interpreter abort when it shuts down.
    os.read(0, 1)
    os._exit(1)


def begin_immediately():
    # type: () -> None
    """Have transactions on SQLite wait for their turn.

    oslo.db begins them with a plain BEGIN. What such a transaction has read
    may be written by another before its own first write, and then SQLite
    says "database is locked" at once, whatever the timeout. Glance does not
    try again, and answers 500. BEGIN IMMEDIATE waits before it reads.
    """
    event = importlib.import_module('sqlalchemy.event')
    engine = importlib.import_module('sqlalchemy.engine').Engine

    def immediate(_conn, _cursor, statement, parameters, *_):
        # type: (object, object, str, object, *object) -> object
        if statement == 'BEGIN':
            statement = 'BEGIN IMMEDIATE'
        return statement, parameters

    event.listen(engine, 'before_cursor_execute', immediate, retval=True)


def main(target, port, *flags):
    # type: (str, str, str) -> None
    # An orderly exit, so that atexit runs and Glance drains its workers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if '--lifeline' in flags:
        threading.Thread(target=follow_lifeline, daemon=True).start()
    begin_immediately()
    module, _, name = target.partition(':')
    application = getattr(importlib.import_module(module), name.rstrip('()'))
    if name.endswith('()'):
        application = application()
    listener = socket.socket()
    # The starter keeps the port reserved with a socket of its own, which is
    # bound but does not listen; hence SO_REUSEPORT. See ports.py.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(('127.0.0.1', int(port)))
    importlib.import_module('waitress').serve(
        application,
        sockets=[listener],
        threads=32,
        connection_limit=1000,
        asyncore_use_poll=True,
        max_request_body_size=4 * 2**30,
    )


if __name__ == '__main__':
    arguments = sys.argv[1:]
    sys.argv[1:] = []  # Keystone would take them for its own.
    main(*arguments)
