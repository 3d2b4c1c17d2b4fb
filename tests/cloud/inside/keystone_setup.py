# SPDX-License-Identifier: Apache-2.0

"""Make Keystone's tables, keys and admin. Runs inside the services' venv.

    python -I keystone_setup.py CONFIG_FILE URL REGION

The admin's password comes in OS_BOOTSTRAP_PASSWORD. These are three runs of
keystone-manage that share one import of it, which takes longer than all
three; each is a fork, since oslo.config takes one command line a process.
"""

import importlib
import multiprocessing
import os
import sys


def main(config, url, region):
    # type: (str, str, str) -> None
    manage = importlib.import_module('keystone.cmd.cli').main
    # Root has to say who the keys are for.
    owner = ['--keystone-user', '0', '--keystone-group', '0']
    if os.geteuid() != 0:
        owner = []
    for command in (
        ['db_sync'],
        ['fernet_setup', *owner],
        [
            'bootstrap',
            '--bootstrap-region-id',
            region,
            '--bootstrap-public-url',
            url,
            '--bootstrap-internal-url',
            url,
            '--bootstrap-admin-url',
            url,
        ],
    ):
        line = ['keystone-manage', '--config-file', config, *command]
        run = multiprocessing.get_context('fork').Process(
            target=manage, args=(line,)
        )
        run.start()
        run.join()
        if run.exitcode:
            sys.exit(run.exitcode)


if __name__ == '__main__':
    main(*sys.argv[1:])
