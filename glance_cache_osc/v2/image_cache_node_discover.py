# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache node discover``."""

import argparse
import collections
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import itertools
import re
import urllib.parse

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import base
from glance_cache_osc.command import options
from glance_cache_osc.i18n import _
from glance_cache_osc.model import endpoints
from glance_cache_osc.transport import attempt

#: The name, endpoint, site and, with ``--dns``, ``discover`` of a node.
_Row = tuple[str, str, *tuple[str | None, ...]]

#: Characters that the names of nodes in clouds.yaml cannot have, or that would
#: make a name a node set.
_RESERVED = re.compile(r'[\s,!&^@\[\]]+|://')
_CORRECT = _("Correct it with 'openstack endpoint set --url'.")
_DISCOVER = columns.Column('discover')


class DiscoverImageCacheNodes(base.CacheLister):
    """Find nodes, and print them in the form of clouds.yaml."""

    table = (
        columns.Column('name'),
        columns.Column('endpoint'),
        columns.Column('site'),
    )
    _description = _(
        'Find nodes behind DNS names or in the service catalogue. The columns '
        'are the keys of nodes in clouds.yaml, so that the output of -f yaml '
        'can be pasted there. No request is sent to the nodes.'
    )
    _example_intro = _('Find the nodes behind one DNS name:')
    _example = (
        'openstack image cache node discover --dns '
        'http://glance.oslo.example.net:9292 -f yaml'
    )
    changes = False
    selects_nodes = False
    # `rows` reports what was not found.
    nothing_found = ''

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        group = parser.add_mutually_exclusive_group(required=True)
        group.add_argument(
            '--dns',
            metavar='<host>',
            nargs='+',
            help=_(
                'Host to look up, as a URL, host or host:port: one node for '
                'each of its addresses, or one entry with discover: dns for '
                'https'
            ),
        )
        group.add_argument(
            '--catalogue',
            action='store_true',
            help=_('List the image endpoints of the service catalogue'),
        )
        parser.add_argument(
            '--region',
            metavar='<region>',
            type=options.not_empty,
            help=_('Only endpoints of this region (with --catalogue)'),
        )

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        return (
            self.table if parsed_args.catalogue else (*self.table, _DISCOVER)
        )

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        if parsed_args.catalogue:
            found = self.loop.run(self.cloud.image_endpoints())
            region = parsed_args.region
            listed = _distinct(self._of_catalogue(found, region))
            if not listed and not self.failures.others:
                where = _(" in region '%s'") % region if region else ''
                self.log.warning(
                    _(
                        'The service catalogue has no image endpoint%s. See '
                        "'openstack endpoint list --service image'."
                    ),
                    columns.safe_text(where),
                )
            return listed
        if parsed_args.region:
            raise errors.UsageError(_('--region requires --catalogue'))
        base_url = self.cloud.image_endpoint()
        urls = {
            word: endpoints.parse(word, None if '://' in word else base_url)
            for word in parsed_args.dns
        }
        timeout = parsed_args.node_timeout
        rows: list[_Row] = []
        for outcome in self.loop.run(
            attempt.attempt(
                lambda word: self.loop.engine.addresses(urls[word], timeout),
                urls,
            )
        ):
            if outcome.error:
                what = _("Cannot look up '%s'") % outcome.job
                self.failures.add(what, outcome.error)
            rows += _of_addresses(urls[outcome.job], outcome.value or [])
        return _distinct(rows)

    def _of_catalogue(
        self, found: Iterable[clouds.Endpoint], region: str | None
    ) -> Iterator[_Row]:
        """The public image endpoints, named after their regions."""
        for one in found:
            if region not in (None, one.region):
                continue
            try:
                url = endpoints.parse(one.url)
            except errors.UsageError as error:
                what = _("Cannot use an endpoint of region '%s'") % one.region
                reason = errors.CacheError(error.why, _CORRECT)
                self.failures.add(what, reason)
                continue
            name = one.region or urllib.parse.urlsplit(url).netloc
            yield _RESERVED.sub('-', name), url, one.region or None


def _of_addresses(url: str, addresses: list[str]) -> Iterator[_Row]:
    """A node for each address of the host of a URL.

    With HTTPS and a host name, the result is one row with ``discover: dns``,
    because TLS certificates are valid for the name.
    """
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ''
    if parts.scheme == 'https' and addresses != [host]:
        if addresses:
            yield host, url, host, 'dns'
        return
    for address in sorted(addresses):
        literal = f'[{address}]' if ':' in address else address
        port = f':{parts.port}' if parts.port else ''
        endpoint = f'{parts.scheme}://{literal}{port}{parts.path}'
        yield f'{host}-{address}', endpoint, host, None


def _distinct(rows: Iterable[_Row]) -> base.Rows:
    """Rows with unique endpoints and names, as clouds.yaml requires.

    The host is added to equal names, and then a number.
    """
    by_url = {row[1]: row for row in rows}
    count = collections.Counter(row[0] for row in by_url.values())
    found: dict[str, tuple[str | None, ...]] = {}
    for name, url, *more in by_url.values():
        host = urllib.parse.urlsplit(url).netloc
        full = name if count[name] == 1 else f'{name}-{host}'
        numbered = (f'{full}-{number}' for number in itertools.count(2))
        free = itertools.chain([full], numbered)
        found[next(one for one in free if one not in found)] = (url, *more)
    return [(name, *more) for name, more in found.items()]
