# SPDX-License-Identifier: Apache-2.0

"""A fork server: run scripts as forks of one process, in the services' venv.

    python -I forks.py MODULE...

It imports the modules once, because this takes most of the time of the start of
a service. Its standard input is a SOCK_SEQPACKET socket. Each message is a JSON
list: the script and its arguments, the environment, the directory. With it come
the standard input, a socket, and the standard output of the new process, which
sends its process ID. When the other end of the first socket closes, the fork
server ends.
"""

import importlib
import json
import os
import runpy
import signal
import socket
import sys
import time


def fork():
    # type: () -> list[str]
    """In each fork, return its arguments; otherwise end with the socket."""
    # The kernel reaps the forks.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control = socket.socket(fileno=0)
    while True:
        message, files, _, _ = socket.recv_fds(control, 2**16, 2)
        if not message:
            sys.exit()
        if os.fork() == 0:
            break
        for file in files:
            os.close(file)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    own, log = files
    # This also closes the socket of the fork server.
    for file, number in ((own, 0), (log, 1), (log, 2)):
        os.dup2(file, number)
    control.detach()
    os.close(own)
    os.close(log)
    arguments, environment, directory = json.loads(message)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(directory)
    os.write(0, str(os.getpid()).encode())
    return [*arguments]


if __name__ == '__main__':
    for module in sys.argv[1:]:
        importlib.import_module(module)
    sys.argv[:] = fork()
    runpy.run_path(sys.argv[0], run_name='__main__')
