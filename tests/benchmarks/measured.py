# SPDX-License-Identifier: Apache-2.0

"""Run a program, and write what it used to a file.

    python -I -S measured.py FILE SECONDS PROGRAM [ARGUMENT …]

On Linux, the peak memory of a child process includes the peak memory of the
process that started it. A benchmark that holds the output of a million
entries would measure itself. This program is small, and starts the program to
measure in its place.

The file gets a JSON object: `seconds` from start to end, `cpu` seconds of the
program and of all processes that it waited for, `peak` memory as getrusage
has it, and `code`: the exit code, or the negative number of a signal. A
program that runs longer than SECONDS is killed.
"""

import json
import os
import signal
import sys
import time


def main() -> None:
    """Run the program."""
    file, limit, *program = sys.argv[1:]
    began = time.perf_counter()
    child = os.posix_spawn(
        program[0],
        program,
        os.environ,
        # Python ignores these signals, which a child would inherit.
        setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
    )
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, float(limit))
    _pid, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - began
    signal.setitimer(signal.ITIMER_REAL, 0)
    result = {
        'seconds': seconds,
        'cpu': used.ru_utime + used.ru_stime,
        'peak': used.ru_maxrss,
        'code': os.waitstatus_to_exitcode(status),
    }
    with open(file, 'w', encoding='utf-8') as to_file:  # noqa: PTH123
        json.dump(result, to_file)


if __name__ == '__main__':
    main()
