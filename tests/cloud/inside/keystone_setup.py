# SPDX-License-Identifier: Apache-2.0

"""Create Keystone's tables, keys and admin, in the services' venv.

    python -I keystone_setup.py CONFIG_FILE URL REGION

OS_BOOTSTRAP_PASSWORD contains the password of the admin. The script runs
keystone-manage three times with one import of it, because the import takes
longer than all three runs. Each run is a fork, because oslo.config accepts only
one command line in a process.
"""

import importlib
import multiprocessing
import os
import sys


def main(config, url, region):
    # type: (str, str, str) -> None
    manage = importlib.import_module('keystone.cmd.cli').main
    # root must specify the owner of the keys.
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
