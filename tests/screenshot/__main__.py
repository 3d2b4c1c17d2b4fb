# SPDX-License-Identifier: Apache-2.0

"""Draw `doc/source/_static/report.png`: a report of real nodes, in Chromium.

``python -m tests.screenshot`` starts a cloud with three sites, caches images on
some of its nodes, writes a report, and draws it with headless Chromium.
"""

import pathlib
import shutil
import sys
import tempfile

from tests import cloud as clouds
from tests import shell
from tests.cloud import rest

_PICTURE = pathlib.Path(__file__).parents[2] / 'doc/source/_static/report.png'
_POLICY = """\
version: 1
sets:
  base: {tags: [golden]}
  radio: {images: ['vran-*']}
sites:
  - match: ['*']
    sets: [base]
  - match: [oslo]
    sets: [base, radio]
"""
_IMAGES: tuple[tuple[str, int, list[str]], ...] = (
    ('debian-13', 40_000_000, ['golden']),
    ('ubuntu-24.04', 60_000_000, ['golden']),
    ('vran-du-1', 20_000_000, []),
)
_SIZE = '900,760'
_PATIENCE = 120


def main() -> None:
    """Draw the picture."""
    chromium = shutil.which('chromium')
    if chromium is None:
        sys.exit('Chromium is not installed.')
    with (
        clouds.Cloud(nodes=3) as cloud,
        tempfile.TemporaryDirectory() as directory,
    ):
        folder = pathlib.Path(directory)
        _report(cloud, folder)
        done = shell.run_program(
            *(chromium, '--headless', '--no-sandbox', '--disable-gpu'),
            *('--disable-quic', '--no-first-run', '--disable-sync'),
            *('--disable-background-networking', '--hide-scrollbars'),
            f'--user-data-dir={folder / "chromium"}',
            f'--window-size={_SIZE}',
            f'--screenshot={_PICTURE}',
            (folder / 'report.html').as_uri(),
            timeout=_PATIENCE,
        )
        if done.code:
            sys.exit(done.err)


def _report(cloud: clouds.Cloud, folder: pathlib.Path) -> None:
    names = ('oslo-1', 'oslo-2', 'bergen')
    cloud.clouds_yaml(
        folder / 'clouds.yaml',
        dict(zip(names, (one.url for one in cloud.glance))),
        sites=dict(zip(names, ('oslo', 'oslo', 'bergen'))),
    )
    (folder / 'image-sites.yaml').write_text(_POLICY)
    token = cloud.token()
    for name, size, tags in _IMAGES:
        clouds.create_image(
            cloud.glance[0].url, token, name, size=size, tags=tags
        )
    gone = clouds.create_image(cloud.glance[0].url, token, 'old', size=1000)
    environment = {
        **clouds.without_login(),
        **cloud.environment(),
        'OS_CLIENT_CONFIG_FILE': str(folder / 'clouds.yaml'),
        'OS_CLOUD': 'demo-cloud',
    }

    def openstack(line: str) -> None:
        result = shell.run_program(
            shell.OPENSTACK,
            *('image', 'cache', *line.split()),
            environment=environment,
            folder=folder,
            timeout=_PATIENCE,
        )
        if result.code:
            sys.exit(result.err)

    openstack(f'queue vran-du-1 debian-13 {gone} --node oslo-[1-2] --wait')
    openstack('queue ubuntu-24.04 debian-13 --node bergen --wait')
    openstack('queue ubuntu-24.04 --node oslo-1 --wait')
    rest.call('DELETE', f'{cloud.glance[2].url}/v2/images/{gone}', token=token)
    openstack('report --policy image-sites.yaml --output report.html')


if __name__ == '__main__':
    main()
