# SPDX-License-Identifier: Apache-2.0

"""The prompt of `openstack`, which also writes the exit code of a command.

    python -m tests.soak.prompt <commands

The prompt itself does not show exit codes.
"""

from __future__ import annotations

import sys

from openstackclient import shell

from tests.soak.session import END


class Prompt(shell.OpenStackShell):
    """`openstack`, with a line after each command."""

    def run_subcommand(self, argv: list[str]) -> int:
        """Run a command; returns its exit code."""
        code = 2
        try:
            code = int(super().run_subcommand(argv))
        finally:
            sys.stderr.flush()
            sys.stdout.write(f'{END}{code}\n')
            sys.stdout.flush()
        return code


if __name__ == '__main__':
    sys.exit(Prompt().run(sys.argv[1:]))
