# SPDX-License-Identifier: Apache-2.0

"""Runs commands, in this process or as separate programs.

`run_here` runs `openstack` in this process, `run_program` runs a program to
its end, and `started` runs a program in the background until `ended` returns
its result.
"""

from tests.shell.here import Input
from tests.shell.here import run_here
from tests.shell.program import ended
from tests.shell.program import OPENSTACK
from tests.shell.program import Program
from tests.shell.program import run_program
from tests.shell.program import started
from tests.shell.result import PATIENCE
from tests.shell.result import Result

__all__ = (
    'OPENSTACK',
    'PATIENCE',
    'Input',
    'Program',
    'Result',
    'ended',
    'run_here',
    'run_program',
    'started',
)
