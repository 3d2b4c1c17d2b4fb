# SPDX-License-Identifier: Apache-2.0

"""Metrics of a snapshot in the Prometheus text format."""

from collections.abc import Iterator
from collections.abc import Sequence

import prometheus_client
from prometheus_client import core
from prometheus_client import registry

from glance_cache_osc import columns
from glance_cache_osc.model import entries
from glance_cache_osc.monitoring import snapshot as snapshots

_PREFIX = 'glance_image_cache'
_NODE = ('cloud', 'site', 'node')
_IMAGE = ('cloud', 'site', 'image_id', 'image')


def render(snapshot: snapshots.Snapshot) -> str:
    """The metrics of a snapshot, as text.

    Hits are a gauge, not a counter, because deleting entries decreases them.
    """
    metrics = prometheus_client.CollectorRegistry()
    metrics.register(_Collector(snapshot))
    return prometheus_client.generate_latest(metrics).decode('utf-8')


class _Gauge:
    """A gauge with labels, which may contain any characters."""

    def __init__(
        self, name: str, help_text: str, labels: Sequence[str]
    ) -> None:
        self.family = core.GaugeMetricFamily(
            f'{_PREFIX}_{name}', help_text, labels=labels
        )

    def add(self, labels: Sequence[str], value: float | None) -> None:
        """Add a value; None is skipped."""
        if value is not None:
            texts = [columns.safe_text(one) for one in labels]
            self.family.add_metric(texts, value)


class _Collector(registry.Collector):
    def __init__(self, snapshot: snapshots.Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[core.Metric]:
        yield from self._nodes()
        if self._snapshot.complete is not None:
            yield from self._images()
            yield core.GaugeMetricFamily(
                f'{_PREFIX}_policy_resolved',
                'Whether all images of the policy were found.',
                self._snapshot.complete,
            )
        yield core.GaugeMetricFamily(
            f'{_PREFIX}_run_timestamp_seconds',
            'Time of this run, in seconds since 1970.',
            self._snapshot.taken.timestamp(),
        )

    def _nodes(self) -> Iterator[core.Metric]:
        up = _Gauge('node_up', 'Whether the cache could be read.', _NODE)
        count = _Gauge(
            'entries', 'Entries, cached or queued.', (*_NODE, 'state')
        )
        size = _Gauge('size_bytes', 'Bytes of cached images.', _NODE)
        hits = _Gauge(
            'hits', 'Reads that the present entries have served.', _NODE
        )
        orphans = _Gauge(
            'orphans', 'Entries whose images Glance does not have.', _NODE
        )
        duration = _Gauge(
            'read_duration_seconds', 'How long reading the list took.', _NODE
        )
        expiry = _Gauge(
            'certificate_expiry_timestamp_seconds',
            'When the TLS certificate of the node expires.',
            _NODE,
        )
        for one in self._snapshot.states:
            labels = (*one.place, one.node.name)
            up.add(labels, one.held is not None)
            expiry.add(labels, one.expires)
            if one.held is None:
                continue
            totals = one.totals
            count.add((*labels, entries.State.CACHED), totals.cached)
            count.add((*labels, entries.State.QUEUED), totals.queued)
            size.add(labels, totals.size)
            hits.add(labels, sum(e.hits or 0 for e in one.held.values()))
            duration.add(labels, one.seconds)
            ids = self._snapshot.orphans.get(one.cloud)
            if ids is not None:
                orphans.add(labels, sum(held in ids for held in one.held))
        for gauge in (up, count, size, hits, orphans, duration, expiry):
            yield gauge.family

    def _images(self) -> Iterator[core.Metric]:
        wanted = _Gauge(
            'site_image_wanted_nodes',
            'Nodes of the site on which the image belongs.',
            _IMAGE,
        )
        missing = _Gauge(
            'site_image_missing_nodes',
            'Nodes of the site on which the image is not cached.',
            _IMAGE,
        )
        by_place: dict[snapshots.Place, list[snapshots.NodeState]] = {}
        for one in self._snapshot.states:
            by_place.setdefault(one.place, []).append(one)
        for place, group in by_place.items():
            want = self._snapshot.wanted.get(place)
            held = [one.held for one in group if one.held is not None]
            for image in want.images if want else ():
                labels = (*place, image.image_id, image.name or '')
                missing_on = sum(
                    bool(snapshots.missing_of(one, [image.image_id]))
                    for one in held
                )
                wanted.add(labels, len(group))
                if held:
                    missing.add(labels, missing_on)
        yield wanted.family
        yield missing.family
