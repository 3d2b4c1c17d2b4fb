#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

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
