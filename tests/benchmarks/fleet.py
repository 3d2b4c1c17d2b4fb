# SPDX-License-Identifier: Apache-2.0

"""Commands on 1,000 and 10,000 nodes, compared with `token issue`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
import csv
from dataclasses import replace
from functools import partial
from itertools import groupby
import json
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
import time
from urllib.parse import urlsplit

import certifi

from glance_cache_osc.policy import reading
from tests.benchmarks import fleet_checks
from tests.benchmarks import million
from tests.benchmarks import pairs
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_bench import FleetBench
from tests.benchmarks.fleet_program import Measured
from tests.benchmarks.group import Group
from tests.benchmarks.group import log
from tests.benchmarks.group import Options
from tests.benchmarks.table import at_most
from tests.benchmarks.table import failed
from tests.benchmarks.table import Row
from tests.benchmarks.table import row
from tests.benchmarks.table import single
from tests.faults.certificates import Authority
from tests.simulated import Fault
from tests.simulated import FleetError
from tests.simulated import host_of
from tests.simulated import name_of
from tests.simulated import Settings
from tests.simulated import SimulatedFleet
from tests.simulated.login import site_of

_PAIRS = 5
_NODES = 1000
_MANY = 10_000
_ENTRIES = 1000
_HTTP = Settings(nodes=_NODES, entries=20, round_trip=0.05)
#: The directory is created when it is needed.
_HTTPS = replace(_HTTP, certificates='')
_TEN_THOUSAND = replace(_HTTP, nodes=_MANY)
_MILLION = Settings(nodes=_NODES, images=2 * _ENTRIES, entries=_ENTRIES)
_MOST_MIB = 250

_NODE_TIMEOUT = 5
_LOOKUP_SECONDS = 0.02
_HANGING = 10
_SLOW_NAMES = Path(__file__).with_name('slow_names.py')

_LIST = ('image', 'cache', 'list', '--all-nodes', '-f', 'json')
_IMPATIENT = (*_LIST, '--node-timeout', str(_NODE_TIMEOUT))
_BESIDES = f'{_NODE_TIMEOUT} s + at most {{}} times'
_LIBCURL = 'the same: libcurl alone, in place of the peer'
_TOKEN = '; peer: token issue, with a clouds.yaml without nodes'


def _lists(bench: FleetBench) -> Iterator[Row]:
    """All nodes by address, and libcurl alone."""
    what = f'image cache list, {_NODES} nodes of 20 entries, 50 ms'
    check = partial(_lists_all, bench.cached(), ())
    measured, peak = bench.measure(what + _TOKEN, _LIST, check, at_most(1.7))
    yield measured
    yield _memory(peak)
    yield bench.bare(_LIBCURL)


def _https(bench: FleetBench) -> Iterator[Row]:
    """The same with HTTPS: the system's CA bundle and the CA of the nodes."""
    bundle = bench.home / 'bundle.pem'
    bundle.write_bytes(
        Path(certifi.where()).read_bytes()
        + (bench.home / 'ca.pem').read_bytes()
    )
    measured, _peak = bench.measure(
        f'image cache list, {_NODES} https nodes of 20 entries, 50 ms, CA'
        f' bundle of {bundle.stat().st_size // 1024} KiB',
        ('--os-cacert', str(bundle), *_LIST),
        partial(_lists_all, bench.cached(), ()),
        at_most(3),
    )
    yield measured
    yield bench.bare(_LIBCURL, bundle)


def _names(bench: FleetBench) -> Iterator[Row]:
    """Nodes by name; the look-ups of the last names do not end."""
    held = bench.cached()
    urls = {name: urlsplit(url) for name, url in bench.fleet.nodes.items()}
    dead = list(held)[-_HANGING:]
    table = bench.home / 'names.json'
    table.write_text(
        json.dumps(
            {
                f'{name}.test': None if name in dead else url.hostname
                for name, url in urls.items()
            }
        )
    )
    measured, _peak = bench.measure(
        f'the same by name, {1000 * _LOOKUP_SECONDS:.0f} ms a look-up,'
        f' {_HANGING} look-ups that do not end, --node-timeout {_NODE_TIMEOUT}',
        _IMPATIENT,
        partial(_lists_all, held, dead),
        at_most(2.5, _BESIDES),
        nodes={
            name: f'http://{name}.test:{url.port}'
            for name, url in urls.items()
        },
        program=(
            *(sys.executable, '-P', str(_SLOW_NAMES)),
            *(str(table), str(_LOOKUP_SECONDS)),
        ),
        timeout=_NODE_TIMEOUT,
    )
    yield measured


def _silent(bench: FleetBench) -> Iterator[Row]:
    """Half of the nodes accept a connection, and none responds."""
    held, nodes = bench.cached(), range(_NODES)
    bench.fleet.set_fault(nodes[::2], Fault.SILENT)
    bench.fleet.set_fault(nodes[1::2], Fault.BACKLOG)
    try:
        measured, _peak = bench.measure(
            f'the same, none of {_NODES} nodes responds, --node-timeout {_NODE_TIMEOUT}',
            _IMPATIENT,
            partial(_lists_all, held, list(held)),
            at_most(2, _BESIDES),
            timeout=_NODE_TIMEOUT,
        )
    finally:
        bench.fleet.set_fault(nodes, None)
    yield measured


def _queue(bench: FleetBench) -> Iterator[Row]:
    """One image that no node has."""
    fleet = bench.fleet
    (image_id, name), *others = fleet.images.items()

    def prepare() -> None:
        fleet.set_cache(range(_NODES), cached=[one for one, _ in others[:20]])

    def check(run: Measured) -> None:
        fleet_checks.exits_with(run, 0)
        fleet_checks.queued_once(fleet.requests(), fleet.nodes, image_id)

    measured, _peak = bench.measure(
        f'image cache queue, one image on {_NODES} nodes, 50 ms',
        ('image', 'cache', 'queue', name, '--all-nodes', '-f', 'json'),
        check,
        at_most(2.5),
        prepare=prepare,
    )
    fleet.reset()
    yield measured


def _node_list(bench: FleetBench) -> Iterator[Row]:
    """Ten thousand nodes, in a nodes file."""
    measured, peak = bench.measure(
        f'image cache node list, {_MANY:,} nodes in a nodes file, 50 ms',
        ('image', 'cache', 'node', 'list', '-f', 'json'),
        partial(fleet_checks.all_ok, bench.fleet.nodes, 20),
        at_most(5),
        nodes_file=True,
    )
    yield measured
    yield _memory(peak)
    yield bench.bare(f'{_LIBCURL}, one request to each node')


def _policy(bench: FleetBench) -> Iterator[Row]:
    """A thousand sites of ten nodes, with one rule for each site."""
    held = bench.cached()
    some = sorted({one for ids in held.values() for one in ids})[:2]
    sites = [site_of(at) for at in range(0, _MANY, 10)]
    policy = bench.home / 'policy.yaml'
    policy.write_text(
        json.dumps(
            {
                'version': 1,
                'sets': {one: {'images': [one]} for one in some},
                'sites': [
                    {'match': [site], 'sets': some[: 1 + at % 2]}
                    for at, site in enumerate(sites)
                ],
            }
        )
    )
    missing = sum(
        image_id not in ids
        for at, ids in enumerate(held.values())
        for image_id in some[: 1 + at // 10 % 2]
    )

    def check(run: Measured) -> None:
        fleet_checks.exits_with(run, 3)
        rows = run.out.count('\n') - 1
        if rows != missing:
            raise BenchmarkError(f'{rows} rows for {missing} missing images')

    command = ('image', 'cache', 'sync', '--policy', str(policy), '--check')
    measured, peak = bench.measure(
        'image cache sync --policy --check, 1,000 sites of 10 nodes, 50 ms',
        (*command, '-f', 'csv'),
        check,
        at_most(6),
        nodes_file=True,
    )
    yield measured
    yield _memory(peak, 400)
    yield _reading(policy)


def _reading(policy: Path) -> Row:
    """The time to read the policy."""
    text = policy.read_text()
    began = time.process_time()
    found = reading.read(text, policy.name)
    seconds = time.process_time() - began
    return single(
        f'the same: reading the policy, {len(found.rules)} rules, CPU seconds',
        ours=f'{seconds:.2f}',
        bound='less than 0.5 s',
        held=seconds < 0.5,
    )


def _million(bench: FleetBench) -> Iterator[Row]:
    """CPU time for a million rows, compared with a lower bound."""
    clouds_yaml, csv_file = bench.home / 'clouds', bench.home / 'csv'
    bench.fleet.clouds_yaml(clouds_yaml)
    bodies = bench.bodies()

    def ours() -> pairs.Sample:
        run = bench.run(clouds_yaml, *_LIST[:-1], 'csv')
        fleet_checks.exits_with(run, 0)
        listed = csv.DictReader(run.out.splitlines())
        counts = Counter(line['Node'] for line in listed if line['Name'])
        if counts != dict.fromkeys(bodies, _ENTRIES):
            raise BenchmarkError(f'{counts.total()} rows with names')
        return pairs.Sample(run.cpu, 0)

    def peer() -> pairs.Sample:
        seconds = million.least(bodies, csv_file)
        log(f'  {seconds:6.2f} s CPU json.loads and csv.writer')
        return pairs.Sample(seconds, 0)

    timed = pairs.alternate(ours, peer, min(bench.count, 3))
    measured = row(
        f'image cache list, a million entries on {_NODES} nodes, csv, CPU'
        ' seconds; peer: json.loads and csv.writer for the same data',
        pairs.summarize(timed),
        at_most(4),
    )
    yield replace(measured, requests='')


def _lists_all(
    held: dict[str, list[str]], dead: Collection[str], run: Measured
) -> None:
    """All entries are listed, with one message for each dead node."""
    alive = {name: ids for name, ids in held.items() if name not in dead}
    fleet_checks.lists_exactly(run, alive)
    fleet_checks.reports_exactly(run, dead)
    fleet_checks.exits_with(run, 1 if dead else 0)


def _memory(peak: float, most: int = _MOST_MIB) -> Row:
    return single(
        'the same: peak memory',
        ours=f'{peak:.0f} MiB',
        bound=f'at most {most} MiB',
        held=peak <= most,
    )


#: Rows that share a simulation are adjacent.
_MEASURES: dict[
    str, tuple[Settings, Callable[[FleetBench], Iterator[Row]]]
] = {
    'fleet-list': (_HTTP, _lists),
    'fleet-names': (_HTTP, _names),
    'fleet-silent': (_HTTP, _silent),
    'fleet-queue': (_HTTP, _queue),
    'fleet-https': (_HTTPS, _https),
    'fleet-nodes': (_TEN_THOUSAND, _node_list),
    'fleet-policy': (_TEN_THOUSAND, _policy),
    'fleet-million': (_MILLION, _million),
}


def _rows(only: Collection[str], options: Options) -> Iterator[Row]:
    wanted = [name for name in _MEASURES if name in only]
    for settings, group in groupby(wanted, lambda name: _MEASURES[name][0]):
        log(f'Starting {settings.nodes} nodes…')
        with TemporaryDirectory(prefix='glance-cache-osc-') as directory:
            home = Path(directory)
            if settings.certificates is not None:
                settings = _certified(settings, home)  # noqa: PLW2901
            with SimulatedFleet(settings) as fleet:
                bench = FleetBench(fleet, home, options.pairs or _PAIRS)
                for name in group:
                    log(f'{name}:')
                    try:
                        yield from _MEASURES[name][1](bench)
                    except (BenchmarkError, FleetError) as error:
                        yield failed(name, error)


def _certified(settings: Settings, home: Path) -> Settings:
    """The settings, with a CA and a certificate for each node."""
    authority = Authority(home)
    for at in range(settings.nodes):
        authority.server(name_of(at), host=host_of(at))
    return replace(settings, certificates=str(home))


GROUP = Group(tuple(_MEASURES), _rows)
