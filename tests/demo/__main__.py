# SPDX-License-Identifier: Apache-2.0

"""Start a cloud, show the plugin's main job, and stop the cloud.

The demo prints each command, runs it, and shows its real output. If a command
does not end with the expected exit code, the demo ends with exit code 1. With
``KEEP=1`` in the environment, the cloud keeps running, and the demo prints how
to use it and how to stop it.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import os
import pathlib
import shlex
import subprocess
import sys
import time

from tests import cloud as clouds
from tests.polling import until

_PROGRAMS = pathlib.Path(sys.executable).parent
#: Images to upload: name, bytes, tags.
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
#: Not 'policy.yaml': Glance and Keystone would read this as their own file.
_POLICY_FILE = 'image-sites.yaml'
#: Two of the sites get one image more than the third.
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
#: Seconds to wait for a fill.
_FILL_TIMEOUT = 120.0


class Demo:
    """Runs commands and shows their output.

    :param environment: of the commands, with the login to the cloud.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._colour = sys.stdout.isatty()

    def explain(self, text: str) -> None:
        """Print the purpose of the next commands."""
        self._write(f'\n# {text}', _CYAN)

    def run(self, command: str, expected: int = 0) -> None:
        """Print a command, run it, and show its output.

        :param expected: the demo fails with any other exit code.
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
            sys.exit(f'The demo expected exit code {expected}.')

    def _write(self, text: str, style: str) -> None:
        print(f'{style}{text}{_PLAIN}' if self._colour else text)


def main() -> int:
    """Run the demo; 0 if it succeeded, 1 if not, 130 if interrupted."""
    try:
        _run()
    except (clouds.CloudError, TimeoutError) as error:
        _note(str(error))
        return 1
    except KeyboardInterrupt:
        _note('Interrupted. All processes are stopped.')
        return 130
    return 0


def _run() -> None:
    keep = os.environ.get('KEEP', '') not in ('', '0')
    with _cloud(keep=keep) as cloud:
        settings = cloud.directory / 'clouds.yaml'
        names = ('edge-oslo', 'edge-bergen', 'edge-tromso')
        urls = (node.url for node in cloud.glance)
        cloud.clouds_yaml(settings, dict(zip(names, urls)), sites=_SITES)
        environment = {
            **clouds.without_login(),
            'OS_CLIENT_CONFIG_FILE': str(settings),
            'OS_CLOUD': 'demo-cloud',
        }
        environment['PATH'] = f'{_PROGRAMS}{os.pathsep}{environment["PATH"]}'
        image_ids = _upload(cloud)
        _show(Demo(environment), cloud, image_ids)
        if path := os.environ.get('PICTURE'):
            _draw(environment, cloud, pathlib.Path(path))
        if keep:
            _print_usage(cloud)


@contextlib.contextmanager
def _cloud(*, keep: bool) -> Iterator[clouds.Cloud]:
    cloud = clouds.Cloud(nodes=3, detached=keep)
    _note('Starting Keystone and three Glance nodes with caches…')
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        stack.callback(cloud.stop)
        cloud.start()
        _note(f'The cloud is ready after {time.monotonic() - begun:.0f} s.')
        yield cloud
        if keep:
            stack.pop_all()


def _upload(cloud: clouds.Cloud) -> dict[str, str]:
    """Upload the images; return their IDs by name."""
    url, token = cloud.glance[0].url, cloud.token()
    image_ids = {}
    for name, size, tags in _IMAGES:
        _note(f'Uploading {name}, {size // 1_000_000} MB…')
        made = clouds.create_image(url, token, name, size=size, tags=tags)
        if name == 'cirros-0.6':
            clouds.copy_image(url, token, made, 'cheap')
        image_ids[name] = made
    return image_ids


def _draw(
    environment: dict[str, str], cloud: clouds.Cloud, path: pathlib.Path
) -> None:
    """Draw the terminal picture of the README: a wait for fills."""
    # Imported here because the demo of the bare wheel lacks its dependencies.
    from tests.demo import picture

    _note('Drawing the picture…')
    demo = Demo(environment)
    # The demo stopped this node.
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
    demo.explain('clouds.yaml contains three nodes. Their caches are empty.')
    demo.run('openstack image cache list')
    demo.explain('Queue two images in Oslo, and one in Bergen.')
    demo.run(
        'openstack image cache queue cirros-0.6 debian-13 --node edge-oslo'
    )
    demo.run('openstack image cache queue cirros-0.6 --node edge-bergen')
    demo.explain('The nodes download the images in the background.')
    _wait_for_fills(oslo, 2)
    _wait_for_fills(bergen, 1)
    demo.run('openstack image cache list')
    demo.explain(
        'Queue all images with a tag, and one by name. Cached images are '
        'skipped.'
    )
    demo.run(
        'openstack image cache queue --tag golden ubuntu-24.04 '
        '--node edge-oslo'
    )
    _wait_for_fills(oslo, 3)
    demo.explain('JSON output contains numbers, not "300.0 MB".')
    demo.run('openstack image cache list ubuntu-24.04 -f json')


def _show_verify(demo: Demo, cached: pathlib.Path) -> None:
    demo.explain(f'Change one byte of a cached file: {cached}')
    with cached.open('r+b') as file:
        (byte,) = file.read(1)
        file.seek(0)
        file.write(bytes([byte ^ 1]))
    demo.explain('The list does not show the damage. "verify" detects it.')
    demo.run('openstack image cache list cirros-0.6 --node edge-oslo')
    verify = 'openstack image cache verify cirros-0.6 --node edge-oslo'
    demo.run(verify, expected=1)
    demo.run(f'{verify} --repair --auto-approve')
    demo.explain(
        'Check the configuration of the node, and that it serves an image '
        'from its cache.'
    )
    demo.run(
        'openstack image cache node check --node edge-oslo --probe-size 50M '
        '--long'
    )


def _show_fleet(demo: Demo, cloud: clouds.Cloud) -> None:
    demo.explain(
        'Cache the golden images on all nodes, and wait until they are cached.'
    )
    demo.run(
        'openstack image cache queue --tag golden --all-nodes --wait '
        '--max-downloads 2'
    )
    demo.explain(
        'Check that all images are cached. Exit code 3 means that changes '
        'are required.'
    )
    demo.run('openstack image cache sync --tag golden --all-nodes --check')
    ubuntu = (
        'openstack image cache sync --tag golden ubuntu-24.04 --node edge-oslo'
    )
    demo.run(f'{ubuntu} --check', expected=3)
    demo.run(f'{ubuntu} --wait')
    demo.run(f'{ubuntu} --check')
    _show_policy(demo, cloud)
    demo.explain(
        'Stop one node. The commands still show the other nodes, and report '
        'the failure.'
    )
    cloud.glance[2].kill()
    demo.run('openstack image cache coverage', expected=1)
    demo.run('openstack image cache node list', expected=1)
    demo.explain('Show the coverage of the other nodes, as CSV.')
    demo.run(
        'openstack image cache coverage --node edge-oslo --node edge-bergen '
        '-f csv'
    )


def _show_policy(demo: Demo, cloud: clouds.Cloud) -> None:
    demo.explain('A policy file states which images belong on which sites.')
    path = cloud.directory / _POLICY_FILE
    path.write_text(_POLICY)
    demo.run(f'cat {shlex.quote(str(path))}')
    policy = f'--policy {shlex.quote(str(path))}'
    demo.run(f'openstack image cache site list {policy}')
    demo.run(f'openstack image cache sync {policy} --check', expected=3)
    demo.explain('Apply the policy, with one download at a time on each site.')
    sync = f'openstack image cache sync {policy} --summary --all-nodes'
    demo.run(f'{sync} --max-downloads-per-site 1')
    demo.explain('Check that no further change is required.')
    demo.run(f'{sync} --check')
    demo.run(f'openstack image cache coverage --by-site {policy}')


def _show_delete_and_clear(demo: Demo, cloud: clouds.Cloud) -> None:
    demo.explain(
        'Show what would be deleted: unused images larger than 100 MB.'
    )
    demo.run(
        'openstack image cache delete --unused --larger-than 100M '
        '--all-nodes --dry-run'
    )
    demo.explain('Delete an image from all caches.')
    demo.run(
        'openstack image cache delete debian-13 --all-nodes --auto-approve'
    )
    demo.explain(
        'Each failure is reported on its own line; other work continues.'
    )
    demo.run(
        'openstack image cache delete nosuch cirros-0.6 --node edge-oslo '
        '-f csv',
        expected=1,
    )
    demo.explain('Clear the cache. The output shows how much it contained.')
    demo.run('openstack image cache clear --node edge-oslo')
    demo.explain(
        'Address a server that is not Glance. The message differs from that '
        'of a node that is down.'
    )
    demo.run(f'openstack image cache list --node {cloud.auth_url}', expected=1)


def _show_stores(demo: Demo) -> None:
    demo.explain(
        'Delete the data of cirros-0.6 from one of its two stores. The image '
        'and the other copy remain.'
    )
    demo.run('openstack image delete --store cheap cirros-0.6')
    demo.explain('Try it again: the store no longer contains the image.')
    demo.run('openstack image delete --store cheap cirros-0.6', expected=1)
    demo.run('openstack image list')


def _show_report(demo: Demo, cloud: clouds.Cloud) -> None:
    demo.explain('Print metrics for Prometheus, and write an HTML report.')
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
    """Wait until a node's cache directory contains `count` images."""
    until(
        lambda: sum(1 for __ in node.cache_dir.glob('*-*-*-*-*')) >= count,
        _FILL_TIMEOUT,
        lambda: f'{node.name} did not cache the images: see {node.log}',
    )


def _print_usage(cloud: clouds.Cloud) -> None:
    exports = {
        'PATH': f'{_PROGRAMS}{os.pathsep}$PATH',
        'OS_CLIENT_CONFIG_FILE': str(cloud.directory / 'clouds.yaml'),
        'OS_CLOUD': 'demo-cloud',
    }
    print('\nThe cloud is running. To use it, enter in a shell:\n')
    for name, value in exports.items():
        print(f'    export {name}="{value}"')
    print('    openstack image cache list')
    print('\nTo stop it, enter in this directory:\n')
    stop = [sys.executable, '-m', 'tests.cloud', 'down', str(cloud.directory)]
    print(f'    {shlex.join(stop)}')


def _note(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == '__main__':
    sys.exit(main())
