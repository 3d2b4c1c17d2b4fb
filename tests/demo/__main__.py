# SPDX-License-Identifier: Apache-2.0

"""Start a cloud, go through the plugin's main job, stop the cloud.

Each command is printed and run, and its real output follows. A command
that ends otherwise than expected ends the demo with exit code 1. With
``KEEP=1`` in the environment the cloud stays up, and how to use and stop
it is printed.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time

from tests import cloud as clouds

_PROGRAMS = pathlib.Path(sys.executable).parent
#: What is uploaded: name, bytes, tags.
_IMAGES = [
    ('cirros-0.6', 21_000_000, ['golden']),
    ('debian-13', 150_000_000, ['golden']),
    ('ubuntu-24.04', 300_000_000, []),
]
#: The site of each node.
_SITES = {
    'edge-oslo': 'oslo',
    'edge-bergen': 'west',
    'edge-tromso': 'north',
}
#: Two of the sites get one image more than the third.
#: 'policy.yaml' would be read by Glance and Keystone as their own.
_POLICY_FILE = 'image-sites.yaml'
_POLICY = """\
version: 1
sets:
  base: {tags: [golden]}
  lab: {images: ['ubuntu-*']}
sites:
  - match: ['*']
    sets: [base]
  - match: [oslo, west]
    sets: [base, lab]
"""
_CYAN, _BOLD, _PLAIN = '\033[36m', '\033[1m', '\033[0m'
_PATIENCE = 120.0


class Demo:
    """Runs commands for somebody to watch.

    :param environment: with the login to the cloud.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._colour = sys.stdout.isatty()

    def say(self, text: str) -> None:
        """Say what comes next."""
        self._write(f'\n# {text}', _CYAN)

    def run(self, command: str, expected: int = 0) -> None:
        """Show a command, run it, show what it prints.

        :param expected: the exit code without which the demo has failed.
        """
        self._write(f'$ {command}', _BOLD)
        sys.stdout.flush()
        code = subprocess.run(
            ['/bin/sh', '-c', command],
            env=self._environment,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
        if code:
            print(f'(exit code {code})')
        if code != expected:
            sys.exit(f'The demo expected the exit code {expected}.')

    def _write(self, text: str, style: str) -> None:
        print(f'{style}{text}{_PLAIN}' if self._colour else text)


def main() -> None:
    """Run the demo."""
    keep = os.environ.get('KEEP', '') not in ('', '0')
    with _cloud(keep=keep) as cloud:
        settings = cloud.directory / 'clouds.yaml'
        names = ('edge-oslo', 'edge-bergen', 'edge-tromso')
        urls = (node.url for node in cloud.glance)
        cloud.clouds_yaml(settings, dict(zip(names, urls)), sites=_SITES)
        environment = {
            **_without_login(),
            'OS_CLIENT_CONFIG_FILE': str(settings),
            'OS_CLOUD': 'demo-cloud',
        }
        environment['PATH'] = f'{_PROGRAMS}{os.pathsep}{environment["PATH"]}'
        image_ids = _upload(cloud)
        _show(Demo(environment), cloud, image_ids)
        if path := os.environ.get('PICTURE'):
            _draw(environment, cloud, pathlib.Path(path))
        if keep:
            _tell_how_to_use(cloud)


@contextlib.contextmanager
def _cloud(*, keep: bool) -> Iterator[clouds.Cloud]:
    # A folder that is handed in stays; its own one goes with the cloud.
    directory = pathlib.Path(tempfile.mkdtemp()) if keep else None
    cloud = clouds.Cloud(directory, nodes=3, detached=keep)
    _note('Starting Keystone and three Glance nodes, each with a cache …')
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        stack.callback(cloud.stop)
        cloud.start()
        _note(f'They answer after {time.monotonic() - begun:.0f} s.')
        yield cloud
        if keep:
            stack.pop_all()


def _upload(cloud: clouds.Cloud) -> dict[str, str]:
    """Upload the images; returns their IDs by name."""
    url, token = cloud.glance[0].url, cloud.token()
    image_ids = {}
    for name, size, tags in _IMAGES:
        _note(f'Uploading {name}, {size // 1_000_000} MB …')
        made = clouds.create_image(url, token, name, size=size, tags=tags)
        if name == 'cirros-0.6':
            clouds.copy_image(url, token, made, 'cheap')
        image_ids[name] = made
    return image_ids


def _draw(
    environment: dict[str, str], cloud: clouds.Cloud, path: pathlib.Path
) -> None:
    """Draw a terminal on which a fleet is filled, for the README."""
    # It needs more than the demo, which is run from a bare wheel as well.
    from tests.demo import picture

    _note('Drawing a picture …')
    demo = Demo(environment)
    # The fleet is shown with one node that is down.
    cloud.glance[2].start()
    demo.run('openstack image cache clear --all-nodes --auto-approve -f value')
    demo.run(
        'openstack image cache queue --node edge-oslo cirros-0.6 debian-13 '
        '--wait -f value -c Result'
    )
    demo.run(
        'openstack image cache queue --node edge-bergen cirros-0.6 '
        '--wait -f value -c Result'
    )
    drawn = picture.Picture(environment)
    drawn.run('openstack image cache coverage')
    drawn.run(
        'openstack image cache sync --tag golden ubuntu-24.04 --all-nodes '
        '--max-downloads 2'
    )
    drawn.save(path)


def _show(
    demo: Demo, cloud: clouds.Cloud, image_ids: Mapping[str, str]
) -> None:
    _show_queue_and_list(demo, cloud)
    cached = cloud.glance[0].cache_dir / image_ids['cirros-0.6']
    _show_verify(demo, cached)
    _show_delete_and_clear(demo, cloud)
    _show_fleet(demo, cloud)
    _show_stores(demo)
    _show_report(demo, cloud)


def _show_queue_and_list(demo: Demo, cloud: clouds.Cloud) -> None:
    oslo, bergen, __ = cloud.glance
    demo.say('clouds.yaml names three nodes. Their caches are empty.')
    demo.run('openstack image cache list')
    demo.say('Ask for two images in Oslo, and for one in Bergen.')
    demo.run(
        'openstack image cache queue cirros-0.6 debian-13 --node edge-oslo'
    )
    demo.run('openstack image cache queue cirros-0.6 --node edge-bergen')
    demo.say('The nodes fetch them in their own time.')
    _wait_for_fills(oslo, 2)
    _wait_for_fills(bergen, 1)
    demo.run('openstack image cache list')
    demo.say('What is there is not asked for again. A tag names images, too.')
    demo.run(
        'openstack image cache queue --tag golden ubuntu-24.04 '
        '--node edge-oslo'
    )
    _wait_for_fills(oslo, 3)
    demo.say('A script reads numbers, not "300.0 MB".')
    demo.run('openstack image cache list ubuntu-24.04 -f json')


def _show_verify(demo: Demo, cached: pathlib.Path) -> None:
    demo.say(f'Change one byte of a cached file: {cached}')
    with cached.open('r+b') as file:
        (byte,) = file.read(1)
        file.seek(0)
        file.write(bytes([byte ^ 1]))
    demo.say('The list does not show the damage. Reading the image does.')
    demo.run('openstack image cache list cirros-0.6 --node edge-oslo')
    verify = 'openstack image cache verify cirros-0.6 --node edge-oslo'
    demo.run(verify, expected=1)
    demo.run(f'{verify} --repair --auto-approve')
    demo.say('Check the node, and that it serves an image from its cache.')
    demo.run(
        'openstack image cache node check --node edge-oslo --probe-size 50M '
        '--long'
    )


def _show_fleet(demo: Demo, cloud: clouds.Cloud) -> None:
    demo.say('Have the golden images everywhere before the machines boot.')
    demo.run(
        'openstack image cache queue --tag golden --all-nodes --wait '
        '--max-downloads 2'
    )
    demo.say('Is everything where it should be? The exit code says it.')
    demo.run('openstack image cache sync --tag golden --all-nodes --check')
    ubuntu = (
        'openstack image cache sync --tag golden ubuntu-24.04 --node edge-oslo'
    )
    demo.run(f'{ubuntu} --check', expected=3)
    demo.run(f'{ubuntu} --wait')
    demo.run(f'{ubuntu} --check')
    _show_policy(demo, cloud)
    demo.say('One node goes down. It hides nothing of the others.')
    cloud.glance[2].kill()
    demo.run('openstack image cache coverage', expected=1)
    demo.run('openstack image cache node list', expected=1)
    demo.say('What is missing on the others?')
    demo.run(
        'openstack image cache coverage --node edge-oslo --node edge-bergen '
        '-f csv'
    )


def _show_policy(demo: Demo, cloud: clouds.Cloud) -> None:
    demo.say('A policy says which images belong on which sites.')
    path = cloud.directory / _POLICY_FILE
    path.write_text(_POLICY)
    demo.run(f'cat {shlex.quote(str(path))}')
    policy = f'--policy {shlex.quote(str(path))}'
    demo.run(f'openstack image cache site list {policy}')
    demo.run(f'openstack image cache sync {policy} --check', expected=3)
    demo.say('Apply it, with one download at a time on each site.')
    sync = f'openstack image cache sync {policy} --summary --all-nodes'
    demo.run(f'{sync} --max-downloads-per-site 1')
    demo.say('Applying it again changes nothing.')
    demo.run(f'{sync} --check')
    demo.run(f'openstack image cache coverage --by-site {policy}')


def _show_delete_and_clear(demo: Demo, cloud: clouds.Cloud) -> None:
    demo.say('What would go if unused images of more than 100 MB went?')
    demo.run(
        'openstack image cache delete --unused --larger-than 100M '
        '--all-nodes --dry-run'
    )
    demo.run(
        'openstack image cache delete debian-13 --all-nodes --auto-approve'
    )
    demo.say('Every failure is told in a line; all the rest is done.')
    demo.run(
        'openstack image cache delete nosuch cirros-0.6 --node edge-oslo '
        '-f csv',
        expected=1,
    )
    demo.say('Empty what is left there, and see how much it was.')
    demo.run('openstack image cache clear --node edge-oslo')
    demo.say('What is no Glance is told apart from what is down.')
    demo.run(f'openstack image cache list --node {cloud.auth_url}', expected=1)


def _show_stores(demo: Demo) -> None:
    demo.say('Take an image out of one store: cirros-0.6 is in two of them.')
    demo.run('openstack image delete --store cheap cirros-0.6')
    demo.run('openstack image delete --store cheap cirros-0.6', expected=1)
    demo.run('openstack image list')


def _show_report(demo: Demo, cloud: clouds.Cloud) -> None:
    demo.say('Metrics for Prometheus, and a page to look at.')
    policy = f'--policy {shlex.quote(str(cloud.directory / _POLICY_FILE))}'
    allowed = '--allow-unreachable 1'
    demo.run(
        f'openstack image cache metrics {policy} {allowed} | grep missing'
    )
    page = shlex.quote(str(cloud.directory / 'report.html'))
    demo.run(
        f'openstack image cache report {policy} {allowed} --output {page}'
    )
    demo.run(f'ls -s {page}')


def _wait_for_fills(node: clouds.GlanceNode, count: int) -> None:
    """Wait until a node's folder holds the data of so many images."""
    deadline = time.monotonic() + _PATIENCE
    while sum(1 for __ in node.cache_dir.glob('*-*-*-*-*')) < count:
        if time.monotonic() > deadline:
            sys.exit(f'{node.name} did not fetch its images: see {node.log}')
        time.sleep(0.1)


def _tell_how_to_use(cloud: clouds.Cloud) -> None:
    exports = {
        'PATH': f'{_PROGRAMS}{os.pathsep}$PATH',
        'OS_CLIENT_CONFIG_FILE': str(cloud.directory / 'clouds.yaml'),
        'OS_CLOUD': 'demo-cloud',
    }
    print('\nThe cloud is up. To use it, in a shell:\n')
    for name, value in exports.items():
        print(f'    export {name}="{value}"')
    print('    openstack image cache list')
    print('\nTo stop it, in this folder:\n')
    stop = [sys.executable, '-m', 'tests.cloud', 'down', str(cloud.directory)]
    print(f'    {shlex.join(stop)}')


def _without_login() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('OS_')
    }


def _note(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == '__main__':
    main()
