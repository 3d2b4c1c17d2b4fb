# SPDX-License-Identifier: Apache-2.0

"""The kinds of nodes, and a cloud with one node of each kind."""

from collections.abc import Iterator
import contextlib
import dataclasses
import os
import pathlib

from tests import cloud as clouds

_CHECKOUT = pathlib.Path(__file__).parents[2]
_OLD_APPLICATION = 'glance.common.wsgi_app:init_app()'
#: A small limit, so that a prune deletes images.
_LIMIT = '\n[DEFAULT]\nimage_cache_max_size = 2500\n'


@dataclasses.dataclass(frozen=True, eq=False)
class Kind:
    """A kind of node.

    :ivar title: its name in the manual
    :ivar options: the options of the node, without the Python of an old Glance
    :ivar release: the tox environment of an old Glance, such as cloud-xena
    """

    title: str
    options: clouds.GlanceOptions
    release: str = ''

    @property
    def python(self) -> pathlib.Path | None:
        """The Python of its Glance; None for that of the cloud.

        The value of GLANCE_CACHE_OSC_CLOUD_XENA_PYTHON, or the venv that
        `tox run --notest -e cloud-xena` creates in this checkout.
        """
        if not self.release:
            return None
        name = self.release.upper().replace('-', '_')
        named = os.environ.get(f'GLANCE_CACHE_OSC_{name}_PYTHON')
        made = _CHECKOUT / '.tox' / self.release / 'bin/python'
        return pathlib.Path(named) if named else made

    @property
    def missing(self) -> str:
        """Why this machine cannot start the node; empty if it can."""
        if self.python is None or self.python.exists():
            return ''
        return (
            f'no Glance for "{self.title}": install its Python, and run '
            f'tox run --notest -e {self.release}'
        )


#: glance-api runs the prefetcher itself, with this interval in seconds.
_SOON = f'{_LIMIT}cache_prefetcher_interval = 1\n'


def _old(
    release: str, extra: str = _LIMIT, **options: str
) -> clouds.GlanceOptions:
    return clouds.GlanceOptions(
        driver='sqlite',
        extra=extra,
        application=_OLD_APPLICATION,
        own_database=True,
        **options,  # type: ignore[arg-type]
    )


CENTRAL = Kind('Glance 33, centralized_db', clouds.GlanceOptions(extra=_LIMIT))
SQLITE = Kind(
    'Glance 33, sqlite', clouds.GlanceOptions(driver='sqlite', extra=_LIMIT)
)
OFF = Kind('Glance 33, cache off', clouds.GlanceOptions(cache=False))
HIDDEN = Kind(
    'Glance 33, /v2/cache hidden by a proxy',
    clouds.GlanceOptions(driver='sqlite', extra=_LIMIT, hidden='/v2/cache'),
)
YOGA = Kind('Glance 24 (Yoga)', _old('cloud-yoga', _SOON), 'cloud-yoga')
XENA = Kind('Glance 23 (Xena)', _old('cloud-xena'), 'cloud-xena')
NEITHER = Kind(
    'Glance 23 (Xena), no cachemanage',
    _old('cloud-xena', flavor='keystone+caching'),
    'cloud-xena',
)
KINDS = (CENTRAL, SQLITE, OFF, HIDDEN, YOGA, XENA, NEITHER)


@dataclasses.dataclass(frozen=True)
class Releases:
    """A cloud with one node of each kind that this machine can start.

    :ivar nodes: the nodes by kind
    """

    cloud: clouds.Cloud
    nodes: dict[Kind, clouds.GlanceNode]


def _startable() -> dict[Kind, clouds.GlanceOptions]:
    return {
        kind: dataclasses.replace(kind.options, python=kind.python)
        for kind in KINDS
        if not kind.missing
    }


def add_to(cloud: clouds.Cloud) -> Releases:
    """Start the nodes in a running cloud.

    :raises CloudError: a node did not start
    """
    options = _startable()
    return Releases(cloud, dict(zip(options, cloud.add(*options.values()))))


@contextlib.contextmanager
def running() -> Iterator[Releases]:
    """Start a cloud of these nodes; stop it at the end of the block.

    :raises CloudError: a part of the cloud did not start
    """
    options = _startable()
    with clouds.Cloud(nodes=list(options.values())) as cloud:
        yield Releases(cloud, dict(zip(options, cloud.glance)))
