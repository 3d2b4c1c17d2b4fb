# SPDX-License-Identifier: Apache-2.0

"""A snapshot as a self-contained HTML page."""

import collections
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import datetime
from importlib import resources
from typing import Any

import jinja2

from glance_cache_osc import columns
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import node_sets
from glance_cache_osc.monitoring import snapshot as snapshots

#: How many images the heat map shows without a policy, and how many nodes are
#: named for an orphan.
_MOST_IMAGES = 100
_MOST_NODES = 10
#: Certificates that expire within these days are reported.
_MIN_DAYS = 30
_DAY = 86400


def render(snapshot: snapshots.Snapshot, command: str) -> str:
    """The HTML text of the page.

    :param command: the command line that makes the page.
    """
    environment = jinja2.Environment(
        autoescape=True, finalize=_text, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(
        (resources.files(__package__) / 'report.html.j2').read_text('utf-8')
    )
    sites = sorted(snapshot.sites(), key=_urgency)
    shown, hidden = _images(snapshot)
    several = len({one.place[0] for one in sites}) > 1

    def name(place: snapshots.Place) -> str:
        return f'{place[1]} ({place[0]})' if several else place[1]

    return template.render(
        taken=f'{snapshot.taken:%Y-%m-%d %H:%M} UTC',
        command=command,
        policy=snapshot.complete is not None,
        failures=snapshot.failures,
        unknown=_unknown(snapshot),
        totals=_totals(snapshot, sites),
        sites=sites,
        images=_labels(snapshot, shown).values(),
        hidden=hidden,
        rows=list(_rows(snapshot, sites, shown)),
        nodes=[
            (one, one.totals, _findings(one, snapshot))
            for one in sorted(
                snapshot.states, key=lambda one: one.error is None
            )
        ],
        orphans=_orphans(snapshot),
        name=name,
        level=_level,
        size=columns.human_size,
    )


def _text(value: Any) -> Any:
    """Escape control characters in texts; None becomes an empty text."""
    if value is None:
        return ''
    return columns.safe_text(value) if type(value) is str else value


def _level(one: snapshots.SiteState) -> str:
    """The CSS class of the status of a site; may be empty."""
    if one.status == 'incomplete' or one.reachable < one.nodes:
        return 'bad'
    return 'ok' if one.status == 'in sync' else ''


def _urgency(one: snapshots.SiteState) -> tuple[int, int]:
    """A sort key: sites that need attention come first."""
    return (-(one.nodes - one.reachable), -(one.missing or 0))


def _totals(
    snapshot: snapshots.Snapshot, sites: Sequence[snapshots.SiteState]
) -> list[tuple[str, str]]:
    up = sum(one.reachable for one in sites)
    found = [
        (_('Nodes reachable'), f'{up} of {len(snapshot.states)}'),
        (_('Sites'), str(len(sites))),
        (_('Cached'), str(sum(one.totals.cached for one in sites))),
        (_('Queued'), str(sum(one.totals.queued for one in sites))),
        (
            _('Size'),
            columns.human_size(sum(one.totals.size for one in sites)),
        ),
    ]
    if snapshot.complete is not None:
        missing = sum(one.missing or 0 for one in sites)
        synced = sum(one.status == 'in sync' for one in sites)
        found += [
            (_('Missing'), str(missing)),
            (_('Sites in sync'), f'{synced} of {len(sites)}'),
        ]
    return found


def _images(
    snapshot: snapshots.Snapshot,
) -> tuple[list[snapshots.Key], int]:
    """The images of the heat map, and the number of those left out."""
    wanted = _wanted(snapshot)
    if wanted:
        labels = _labels(snapshot, wanted)
        return sorted(wanted, key=lambda key: labels[key]), 0
    counts = collections.Counter(
        (one.cloud, image_id)
        for one in snapshot.states
        for image_id in one.held or ()
    )
    found = [key for key, __ in counts.most_common(_MOST_IMAGES)]
    return found, len(counts) - len(found)


def _wanted(snapshot: snapshots.Snapshot) -> dict[snapshots.Key, images.Image]:
    """The images that belong on any site."""
    return {
        (cloud, image.image_id): image
        for (cloud, __), want in snapshot.wanted.items()
        for image in want.images
    }


def _labels(
    snapshot: snapshots.Snapshot, keys: Iterable[snapshots.Key]
) -> dict[snapshots.Key, str]:
    """The names of images, or their IDs; with several clouds, the cloud."""
    known = {**_wanted(snapshot), **snapshot.images}
    several = len({one.cloud for one in snapshot.states}) > 1
    found = {}
    for key in keys:
        image = known.get(key)
        label = (image.name if image else None) or key[1]
        found[key] = f'{label} ({key[0]})' if several else label
    return found


def _rows(
    snapshot: snapshots.Snapshot,
    sites: Sequence[snapshots.SiteState],
    shown: Sequence[snapshots.Key],
) -> Iterator[tuple[snapshots.Place, list[tuple[str, str]]]]:
    """The rows of the heat map; a cell is a CSS class and a text."""
    by_place: dict[snapshots.Place, list[snapshots.NodeState]] = {}
    for one in snapshot.states:
        by_place.setdefault(one.place, []).append(one)
    for site in sites:
        group = by_place[site.place]
        want = snapshot.wanted.get(site.place)
        ids = {one.image_id for one in want.images} if want else None
        yield (
            site.place,
            [
                _cell(
                    group,
                    key,
                    wanted=snapshot.complete is None
                    or (ids is not None and key[1] in ids),
                )
                for key in shown
            ],
        )


def _cell(
    group: Sequence[snapshots.NodeState], key: snapshots.Key, *, wanted: bool
) -> tuple[str, str]:
    """A cell of the heat map: its CSS class and its text.

    The classes have short names, since a page has many cells: ``a`` if the
    image is cached on all nodes that responded, ``s`` on some, ``z`` on none.
    """
    cloud, image_id = key
    held = [one.held for one in group if one.held is not None]
    if group[0].cloud != cloud:
        return '', ''
    if not held:
        return '', '?' if wanted else ''
    found = [one[image_id].state for one in held if image_id in one]
    cached = found.count(entries.State.CACHED)
    queued = len(found) - cached
    more = f' +{queued}' if queued else ''
    if not wanted:
        return '', f'{cached}{more}' if found else ''
    kind = 'a' if cached == len(held) else 's' if cached else 'z'
    return kind, f'{cached}/{len(held)}{more}'


def _findings(
    one: snapshots.NodeState, snapshot: snapshots.Snapshot
) -> list[str]:
    found = []
    if one.error:
        found.append(str(one.error))
    if one.expires is not None:
        end = datetime.datetime.fromtimestamp(one.expires, datetime.UTC)
        days = (end - snapshot.taken).total_seconds() / _DAY
        if days < _MIN_DAYS:
            found.append(
                _('The TLS certificate expires on %s.') % f'{end:%Y-%m-%d}'
            )
    orphans = snapshot.orphans.get(one.cloud, frozenset())
    if count := sum(image_id in orphans for image_id in one.held or {}):
        found.append(_('Orphans: %d.') % count)
    return found


def _unknown(snapshot: snapshots.Snapshot) -> list[str]:
    """The names of the clouds whose orphans are not known."""
    clouds = dict.fromkeys(one.cloud for one in snapshot.states)
    return [one for one in clouds if one not in snapshot.orphans]


def _orphans(
    snapshot: snapshots.Snapshot,
) -> list[tuple[str, int, str]]:
    """The ID, bytes and nodes of each orphan."""
    found: dict[snapshots.Key, tuple[int, list[str]]] = {}
    for one in snapshot.states:
        orphans = snapshot.orphans.get(one.cloud, frozenset())
        for image_id, entry in (one.held or {}).items():
            if image_id not in orphans:
                continue
            size, names = found.get((one.cloud, image_id), (0, []))
            names.append(one.node.name)
            found[one.cloud, image_id] = size + (entry.size or 0), names
    several = len({one.cloud for one in snapshot.states}) > 1
    return [
        (
            f'{key[1]} ({key[0]})' if several else key[1],
            size,
            columns.few(node_sets.fold(names), _MOST_NODES),
        )
        for key, (size, names) in sorted(found.items())
    ]
