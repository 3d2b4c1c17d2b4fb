# SPDX-License-Identifier: Apache-2.0

"""Tests of the printed table."""

from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.pairs import Summary
from tests.benchmarks.table import as_csv
from tests.benchmarks.table import at_most
from tests.benchmarks.table import Bound
from tests.benchmarks.table import failed
from tests.benchmarks.table import markdown
from tests.benchmarks.table import row


def test_the_table_shows_whether_bounds_held() -> None:
    rows = [
        row('list', Summary(1.2, 1.0, 1.2, (3, 3), (4, 4)), Bound(1.1, 'a')),
        row('queue', Summary(2.0, 25.0, 0.08, (63, 64), (301, 301)), None),
        row(
            'delete', Summary(1.0, 10.0, 0.1, (2, 2), (9, 9)), Bound(0.1, 'b')
        ),
    ]

    assert as_csv(rows) == (
        'Measurement,Ours (s),Peer (s),Ours / peer,Bound,'
        'Requests to Glance: ours / peer,Held\n'
        'list,1.20,1.00,1.20,a,3 / 4,NO\n'
        'queue,2.00,25.00,0.08 (12.5 times faster),,63 to 64 / 301,\n'
        'delete,1.00,10.00,0.10 (10.0 times faster),b,2 / 9,yes\n'
    )
    assert markdown(rows) == (
        '| Measurement | Ours (s) | Peer (s) | Ours / peer | Bound |'
        ' Requests to Glance: ours / peer | Held |\n'
        '| --- | --- | --- | --- | --- | --- | --- |\n'
        '| list | 1.20 | 1.00 | 1.20 | a | 3 / 4 | NO |\n'
        '| queue | 2.00 | 25.00 | 0.08 (12.5 times faster) |  |'
        ' 63 to 64 / 301 |  |\n'
        '| delete | 1.00 | 10.00 | 0.10 (10.0 times faster) | b |'
        ' 2 / 9 | yes |'
    )


def test_a_row_that_could_not_be_measured_does_not_hold() -> None:
    row = failed('list', BenchmarkError('exit code 1\nTraceback …'))

    assert row.held is False
    assert row.bound == 'not measured: exit code 1'
    assert at_most(2.5, '5 s + at most {} times') == Bound(
        2.5, '5 s + at most 2.5 times'
    )
