# SPDX-License-Identifier: Apache-2.0

"""Serve one WSGI application on loopback, in the services' venv.

    python -I serve.py MODULE:NAME PORT [--lifeline]

NAME is the application, or, with () behind it, a function that returns it. With
--lifeline, the standard input is a pipe from the parent process. When the pipe
closes, because the parent has ended in any way, this process ends, too.

The script also runs with the Python of an old Glance (3.6). It is started with
-I, so that the glance.py and keystone.py of this package do not shadow others.
"""

import importlib
import os
import signal
import socket
import sys
import threading


def follow_lifeline():
    # type: () -> None
    # os.read instead of sys.stdin: the interpreter aborts at shutdown if a
    # daemon thread has the lock of a buffered reader.
    os.read(0, 1)
    os._exit(1)


def begin_immediately():
    # type: () -> None
    """Make transactions on SQLite wait for each other.

    oslo.db starts them with a plain BEGIN. Another transaction may write data
    that such a transaction has read, before its own first write. Then SQLite
    fails at once with "database is locked", despite the timeout. Glance does
    not retry, and responds with 500. BEGIN IMMEDIATE waits before it reads.
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
    # A normal exit, so that atexit runs and Glance drains its workers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if '--lifeline' in flags:
        threading.Thread(target=follow_lifeline, daemon=True).start()
    begin_immediately()
    module, _, name = target.partition(':')
    application = getattr(importlib.import_module(module), name.rstrip('()'))
    if name.endswith('()'):
        application = application()
    listener = socket.socket()
    # The parent process reserves the port with a socket that is bound and
    # does not listen; therefore SO_REUSEPORT. See ports.py.
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
    sys.argv[1:] = []  # Keystone would read them.
    main(*arguments)
