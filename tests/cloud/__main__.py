# SPDX-License-Identifier: Apache-2.0

"""python -m tests.cloud up | down: start and stop a cloud."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import shlex
import shutil
import sys

from tests.cloud.cloud import Cloud
from tests.cloud.cloud import CLOUD_NAME
from tests.cloud.cloud import PYTHON_VARIABLE
from tests.cloud.ledger import Ledger
from tests.cloud.process import CloudError
from tests.cloud.signals import held

DIRECTORY_VARIABLE = 'GLANCE_CACHE_OSC_CLOUD'


def up(options: argparse.Namespace) -> None:
    """Start a cloud, and print the exports of its environment variables."""
    cloud = Cloud(
        options.directory,
        nodes=options.nodes,
        driver=options.driver,
        python=options.python,
        detached=True,
    )
    print(f'Starting a cloud in {cloud.directory}…', file=sys.stderr)
    cloud.start()
    clouds_yaml = cloud.directory / 'clouds.yaml'
    cloud.clouds_yaml(
        clouds_yaml, {node.name: node.url for node in cloud.glance}
    )
    exports = {
        **cloud.environment(),
        'OS_CLIENT_CONFIG_FILE': str(clouds_yaml),
        'OS_CLOUD': CLOUD_NAME,
        DIRECTORY_VARIABLE: str(cloud.directory),
    }
    for name, value in exports.items():
        print(f'export {name}={shlex.quote(value)}')
    for node in cloud.glance:
        print(f'{node.name}: {node.url}, log {node.log}', file=sys.stderr)
    print(
        'Its clouds.yaml contains the nodes. To stop the cloud:\n'
        f'    python -m tests.cloud down {shlex.quote(str(cloud.directory))}',
        file=sys.stderr,
    )


def down(options: argparse.Namespace) -> None:
    """Stop the processes that `up` started.

    :raises CloudError: no cloud was started in this directory
    """
    if options.directory is None:
        raise CloudError(f'specify a directory, or set {DIRECTORY_VARIABLE}')
    try:
        ledger = Ledger.read(options.directory.resolve())
    except FileNotFoundError as error:
        raise CloudError(
            f'no cloud was started in {options.directory}'
        ) from error
    with held():
        ledger.end_all()
        if ledger.temporary:
            shutil.rmtree(ledger.directory, ignore_errors=True)
    print(f'Stopped the cloud in {ledger.directory}.', file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser('python -m tests.cloud', description=__doc__)
    commands = top.add_subparsers(required=True)

    command = commands.add_parser(
        'up', help='start a cloud, and print exports'
    )
    command.set_defaults(run=up)
    command.add_argument('--nodes', type=int, default=2, metavar='N')
    command.add_argument(
        '--driver',
        choices=['centralized_db', 'sqlite'],
        default='centralized_db',
        help='image_cache_driver of the nodes',
    )
    command.add_argument(
        '--directory',
        type=Path,
        help='an empty or new directory (default: temporary)',
    )
    command.add_argument(
        '--python',
        type=Path,
        help=f"Python of the services' venv (default: ${PYTHON_VARIABLE}, or"
        ' .tox/cloud/bin/python)',
    )

    command = commands.add_parser('down', help='stop a cloud')
    command.set_defaults(run=down)
    named = os.environ.get(DIRECTORY_VARIABLE)
    command.add_argument(
        'directory',
        type=Path,
        nargs='?',
        default=Path(named) if named else None,
        help=f'its directory (default: ${DIRECTORY_VARIABLE})',
    )
    return top


def main() -> int:
    """Run one command; 0 if it succeeded, 1 if not, 130 if interrupted."""
    options = parser().parse_args()
    try:
        options.run(options)
    except CloudError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('Interrupted. All processes are stopped.', file=sys.stderr)
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
