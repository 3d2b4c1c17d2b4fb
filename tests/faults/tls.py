# SPDX-License-Identifier: Apache-2.0

"""Nodes with certificates that are not valid, among others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.faults.certificates import Authority
from tests.faults.crowd import crowd
from tests.faults.crowd import describe
from tests.faults.crowd import NODES
from tests.faults.crowd import QUEUE
from tests.faults.table import Row
from tests.simulated import host_of
from tests.simulated import name_of
from tests.simulated import Settings

_EXPIRED, _WRONG_HOST, _UNTRUSTED = 49, 50, 51
#: A key part of each message.
_REASONS = {
    _EXPIRED: 'certificate has expired',
    _WRONG_HOST: 'certificate is for another host',
    _UNTRUSTED: 'certificate is not from a trusted CA',
}


def rows(home: Path) -> Iterator[Row]:
    """With `--allow-unreachable`, which does not accept them."""
    authority, other = Authority(home), Authority(home, 'other')
    for at in range(NODES):
        signer = other if at == _UNTRUSTED else authority
        signer.server(
            name_of(at),
            host='127.9.9.9' if at == _WRONG_HOST else host_of(at),
            from_day=-3 if at == _EXPIRED else -1,
        )
    settings = Settings(nodes=NODES, certificates=str(home))
    lines = '; '.join(
        f'stderr: Cannot read the cache of {name_of(at)}: …{reason}…'
        for at, reason in _REASONS.items()
    )
    trust = ('--os-cacert', str(authority.path))
    allowing = ('--allow-unreachable', '100%')
    with crowd(home, settings) as nodes:
        for command in (('list',), QUEUE):
            nodes.set_up()
            done = nodes.run(*command, *allowing, *trust)
            whole = NODES - len(_REASONS)
            received = f'1 on {whole} nodes' if command == QUEUE else 'none'
            yield Row(
                f'of {NODES} https nodes, the certificates of three have '
                'expired, are for another host, or are not from a trusted CA',
                ' '.join((*command, *allowing)),
                f'{describe(done)}; {nodes.received()}',
                f'exit 1; rows of {whole} nodes; {lines}; changes received: '
                f'{received}',
            )
