# SPDX-License-Identifier: Apache-2.0

"""A program that runs `openstack`, and sets its clock during the command.

    python shifted_clock.py FILE SECONDS image cache queue …

When FILE exists, `time.time` and `datetime.now` are SECONDS later, or earlier
if SECONDS is negative. The monotonic clock is not changed. At the end, the
number of such calls is written to FILE.
"""

import atexit
import datetime
from pathlib import Path
import sys
import time
from typing import Self

_time = time.time
_datetime = datetime.datetime
_calls = 0


def _shift(file: Path, seconds: float) -> None:
    def shifted() -> float:
        global _calls  # noqa: PLW0603
        if not file.exists():
            return _time()
        _calls += 1
        return _time() + seconds

    class Shifted(_datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Self:
            return cls.fromtimestamp(shifted(), tz)

    time.time = shifted
    datetime.datetime = Shifted  # type: ignore[misc]
    atexit.register(lambda: file.write_text(str(_calls), encoding='utf-8'))


if __name__ == '__main__':
    _file, _seconds, *sys.argv[1:] = sys.argv[1:]
    _shift(Path(_file), float(_seconds))
    from openstackclient import shell

    sys.exit(shell.main(sys.argv[1:]))
