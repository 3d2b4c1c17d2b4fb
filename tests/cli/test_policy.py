# SPDX-License-Identifier: Apache-2.0

"""`image cache sync --policy` and `coverage --policy`: argv in, output out."""

from collections.abc import Callable
import json
import pathlib
from typing import Any

import pytest

from tests.cli import payloads as p
from tests.cli import policies
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

CACHE = ('--os-cloud', 'far', 'image', 'cache')
SYNC = (*CACHE, 'sync', '--policy', 'policy.yaml')
DELETE = ('--delete-others', '--auto-approve')
SHORT = ('-f', 'value', '-c', 'Name', '-c', 'Node')
EXTRAS = 'Extra entries on oslo: 1. Use --delete-others to delete them.\n'
DOWNLOADS = (
    'Downloads: 3 (12.0 MB); nodes: 3; sites: 3. Longest: oslo, about '
    '0:00:40.\n'
)
PUTS = [
    f'PUT {policies.BERGEN}/v2/cache/{p.DEBIAN}',
    f'PUT {policies.OSLO_1}/v2/cache/{p.UBUNTU}',
    f'PUT {policies.TROMSO}/v2/cache/{p.FEDORA}',
]
DELETION = f'DELETE {policies.OSLO_1}/v2/cache/{p.ORPHAN}'
CHECK = {
    'table': """\
+--------------------------------------+--------------+--------+--------+----------+
| ID                                   | Name         | Size   | Action | Node     |
+--------------------------------------+--------------+--------+--------+----------+
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | 5.0 MB | queue  | oslo-1   |
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | 2.0 MB | wait   | oslo-1   |
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | 2.0 MB | queue  | bergen-1 |
| 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 | fedora-42    | 5.0 MB | queue  | tromso   |
+--------------------------------------+--------------+--------+--------+----------+
""",
    'json': """\
[
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "Size": 5000000,
    "Action": "queue",
    "Node": "oslo-1"
  },
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Size": 2000000,
    "Action": "wait",
    "Node": "oslo-1"
  },
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Size": 2000000,
    "Action": "queue",
    "Node": "bergen-1"
  },
  {
    "ID": "0f8f89be-fed2-44c4-91f8-b2a0c3b15f27",
    "Name": "fedora-42",
    "Size": 5000000,
    "Action": "queue",
    "Node": "tromso"
  }
]
""",
    'yaml': """\
- Action: queue
  ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Name: ubuntu-24.04
  Node: oslo-1
  Size: 5000000
- Action: wait
  ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Name: debian-13
  Node: oslo-1
  Size: 2000000
- Action: queue
  ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Name: debian-13
  Node: bergen-1
  Size: 2000000
- Action: queue
  ID: 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27
  Name: fedora-42
  Node: tromso
  Size: 5000000
""",
    'csv': """\
"ID","Name","Size","Action","Node"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04",5000000,"queue","oslo-1"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13",2000000,"wait","oslo-1"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13",2000000,"queue","bergen-1"
"0f8f89be-fed2-44c4-91f8-b2a0c3b15f27","fedora-42",5000000,"queue","tromso"
""",
    'value': """\
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 5000000 queue oslo-1
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 2000000 wait oslo-1
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 2000000 queue bergen-1
0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 fedora-42 5000000 queue tromso
""",
}
CHECK_DELETE = {
    'table': """\
+--------------------------------------+--------------+--------+--------+----------+
| ID                                   | Name         | Size   | Action | Node     |
+--------------------------------------+--------------+--------+--------+----------+
| c0ffee00-1234-4abc-8def-0123456789ab |              | 7 B    | delete | oslo-1   |
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | 5.0 MB | queue  | oslo-1   |
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | 2.0 MB | wait   | oslo-1   |
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | 2.0 MB | queue  | bergen-1 |
| 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 | fedora-42    | 5.0 MB | queue  | tromso   |
+--------------------------------------+--------------+--------+--------+----------+
""",
    'json': """\
[
  {
    "ID": "c0ffee00-1234-4abc-8def-0123456789ab",
    "Name": null,
    "Size": 7,
    "Action": "delete",
    "Node": "oslo-1"
  },
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "Size": 5000000,
    "Action": "queue",
    "Node": "oslo-1"
  },
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Size": 2000000,
    "Action": "wait",
    "Node": "oslo-1"
  },
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Size": 2000000,
    "Action": "queue",
    "Node": "bergen-1"
  },
  {
    "ID": "0f8f89be-fed2-44c4-91f8-b2a0c3b15f27",
    "Name": "fedora-42",
    "Size": 5000000,
    "Action": "queue",
    "Node": "tromso"
  }
]
""",
    'yaml': """\
- Action: delete
  ID: c0ffee00-1234-4abc-8def-0123456789ab
  Name: null
  Node: oslo-1
  Size: 7
- Action: queue
  ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Name: ubuntu-24.04
  Node: oslo-1
  Size: 5000000
- Action: wait
  ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Name: debian-13
  Node: oslo-1
  Size: 2000000
- Action: queue
  ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Name: debian-13
  Node: bergen-1
  Size: 2000000
- Action: queue
  ID: 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27
  Name: fedora-42
  Node: tromso
  Size: 5000000
""",
    'csv': """\
"ID","Name","Size","Action","Node"
"c0ffee00-1234-4abc-8def-0123456789ab","",7,"delete","oslo-1"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04",5000000,"queue","oslo-1"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13",2000000,"wait","oslo-1"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13",2000000,"queue","bergen-1"
"0f8f89be-fed2-44c4-91f8-b2a0c3b15f27","fedora-42",5000000,"queue","tromso"
""",
    'value': """\
c0ffee00-1234-4abc-8def-0123456789ab  7 delete oslo-1
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 5000000 queue oslo-1
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 2000000 wait oslo-1
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 2000000 queue bergen-1
0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 fedora-42 5000000 queue tromso
""",
}
APPLIED = {
    'table': """\
+--------------------------------------+--------------+----------------+----------+
| ID                                   | Name         | Result         | Node     |
+--------------------------------------+--------------+----------------+----------+
| c0ffee00-1234-4abc-8def-0123456789ab |              | deleted        | oslo-1   |
| 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 | fedora-42    | already cached | oslo-1   |
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | queued         | oslo-1   |
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | already queued | oslo-1   |
| 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 | fedora-42    | already cached | oslo-2   |
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | already cached | oslo-2   |
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | already cached | oslo-2   |
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | already cached | bergen-1 |
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | queued         | bergen-1 |
| 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 | fedora-42    | queued         | tromso   |
+--------------------------------------+--------------+----------------+----------+
""",
    'json': """\
[
  {
    "ID": "c0ffee00-1234-4abc-8def-0123456789ab",
    "Name": null,
    "Result": "deleted",
    "Node": "oslo-1"
  },
  {
    "ID": "0f8f89be-fed2-44c4-91f8-b2a0c3b15f27",
    "Name": "fedora-42",
    "Result": "already cached",
    "Node": "oslo-1"
  },
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "Result": "queued",
    "Node": "oslo-1"
  },
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Result": "already queued",
    "Node": "oslo-1"
  },
  {
    "ID": "0f8f89be-fed2-44c4-91f8-b2a0c3b15f27",
    "Name": "fedora-42",
    "Result": "already cached",
    "Node": "oslo-2"
  },
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "Result": "already cached",
    "Node": "oslo-2"
  },
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Result": "already cached",
    "Node": "oslo-2"
  },
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "Result": "already cached",
    "Node": "bergen-1"
  },
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Result": "queued",
    "Node": "bergen-1"
  },
  {
    "ID": "0f8f89be-fed2-44c4-91f8-b2a0c3b15f27",
    "Name": "fedora-42",
    "Result": "queued",
    "Node": "tromso"
  }
]
""",
    'yaml': """\
- ID: c0ffee00-1234-4abc-8def-0123456789ab
  Name: null
  Node: oslo-1
  Result: deleted
- ID: 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27
  Name: fedora-42
  Node: oslo-1
  Result: already cached
- ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Name: ubuntu-24.04
  Node: oslo-1
  Result: queued
- ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Name: debian-13
  Node: oslo-1
  Result: already queued
- ID: 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27
  Name: fedora-42
  Node: oslo-2
  Result: already cached
- ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Name: ubuntu-24.04
  Node: oslo-2
  Result: already cached
- ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Name: debian-13
  Node: oslo-2
  Result: already cached
- ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Name: ubuntu-24.04
  Node: bergen-1
  Result: already cached
- ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Name: debian-13
  Node: bergen-1
  Result: queued
- ID: 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27
  Name: fedora-42
  Node: tromso
  Result: queued
""",
    'csv': """\
"ID","Name","Result","Node"
"c0ffee00-1234-4abc-8def-0123456789ab","","deleted","oslo-1"
"0f8f89be-fed2-44c4-91f8-b2a0c3b15f27","fedora-42","already cached","oslo-1"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04","queued","oslo-1"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13","already queued","oslo-1"
"0f8f89be-fed2-44c4-91f8-b2a0c3b15f27","fedora-42","already cached","oslo-2"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04","already cached","oslo-2"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13","already cached","oslo-2"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04","already cached","bergen-1"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13","queued","bergen-1"
"0f8f89be-fed2-44c4-91f8-b2a0c3b15f27","fedora-42","queued","tromso"
""",
    'value': """\
c0ffee00-1234-4abc-8def-0123456789ab  deleted oslo-1
0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 fedora-42 already cached oslo-1
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 queued oslo-1
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 already queued oslo-1
0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 fedora-42 already cached oslo-2
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 already cached oslo-2
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 already cached oslo-2
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 already cached bergen-1
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 queued bergen-1
0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 fedora-42 queued tromso
""",
}
SUMMARY = {
    'table': """\
+--------+-------+----------------+--------+--------+--------+---------+
| Site   | Nodes | Already Cached | Cached | Queued | Failed | Size    |
+--------+-------+----------------+--------+--------+--------+---------+
| oslo   |     2 |              4 |      0 |      2 |      0 | 24.0 MB |
| bergen |     1 |              1 |      0 |      1 |      0 | 7.0 MB  |
| tromso |     1 |              0 |      0 |      1 |      0 | 5.0 MB  |
+--------+-------+----------------+--------+--------+--------+---------+
""",
    'json': """\
[
  {
    "Site": "oslo",
    "Nodes": 2,
    "Already Cached": 4,
    "Cached": 0,
    "Queued": 2,
    "Failed": 0,
    "Size": 24000000
  },
  {
    "Site": "bergen",
    "Nodes": 1,
    "Already Cached": 1,
    "Cached": 0,
    "Queued": 1,
    "Failed": 0,
    "Size": 7000000
  },
  {
    "Site": "tromso",
    "Nodes": 1,
    "Already Cached": 0,
    "Cached": 0,
    "Queued": 1,
    "Failed": 0,
    "Size": 5000000
  }
]
""",
    'yaml': """\
- Already Cached: 4
  Cached: 0
  Failed: 0
  Nodes: 2
  Queued: 2
  Site: oslo
  Size: 24000000
- Already Cached: 1
  Cached: 0
  Failed: 0
  Nodes: 1
  Queued: 1
  Site: bergen
  Size: 7000000
- Already Cached: 0
  Cached: 0
  Failed: 0
  Nodes: 1
  Queued: 1
  Site: tromso
  Size: 5000000
""",
    'csv': """\
"Site","Nodes","Already Cached","Cached","Queued","Failed","Size"
"oslo",2,4,0,2,0,24000000
"bergen",1,1,0,1,0,7000000
"tromso",1,0,0,1,0,5000000
""",
    'value': """\
oslo 2 4 0 2 0 24000000
bergen 1 1 0 1 0 7000000
tromso 1 0 0 1 0 5000000
""",
}
#: The same with --delete-others.
SUMMARY_DELETE = {
    'table': """\
+--------+-------+----------------+--------+--------+---------+--------+---------+
| Site   | Nodes | Already Cached | Cached | Queued | Deleted | Failed | Size    |
+--------+-------+----------------+--------+--------+---------+--------+---------+
| oslo   |     2 |              4 |      0 |      2 |       1 |      0 | 24.0 MB |
| bergen |     1 |              1 |      0 |      1 |       0 |      0 | 7.0 MB  |
| tromso |     1 |              0 |      0 |      1 |       0 |      0 | 5.0 MB  |
+--------+-------+----------------+--------+--------+---------+--------+---------+
""",
    'json': """\
[
  {
    "Site": "oslo",
    "Nodes": 2,
    "Already Cached": 4,
    "Cached": 0,
    "Queued": 2,
    "Deleted": 1,
    "Failed": 0,
    "Size": 24000000
  },
  {
    "Site": "bergen",
    "Nodes": 1,
    "Already Cached": 1,
    "Cached": 0,
    "Queued": 1,
    "Deleted": 0,
    "Failed": 0,
    "Size": 7000000
  },
  {
    "Site": "tromso",
    "Nodes": 1,
    "Already Cached": 0,
    "Cached": 0,
    "Queued": 1,
    "Deleted": 0,
    "Failed": 0,
    "Size": 5000000
  }
]
""",
    'yaml': """\
- Already Cached: 4
  Cached: 0
  Deleted: 1
  Failed: 0
  Nodes: 2
  Queued: 2
  Site: oslo
  Size: 24000000
- Already Cached: 1
  Cached: 0
  Deleted: 0
  Failed: 0
  Nodes: 1
  Queued: 1
  Site: bergen
  Size: 7000000
- Already Cached: 0
  Cached: 0
  Deleted: 0
  Failed: 0
  Nodes: 1
  Queued: 1
  Site: tromso
  Size: 5000000
""",
    'csv': """\
"Site","Nodes","Already Cached","Cached","Queued","Deleted","Failed","Size"
"oslo",2,4,0,2,1,0,24000000
"bergen",1,1,0,1,0,0,7000000
"tromso",1,0,0,1,0,0,5000000
""",
    'value': """\
oslo 2 4 0 2 1 0 24000000
bergen 1 1 0 1 0 0 7000000
tromso 1 0 0 1 0 0 5000000
""",
}
BY_SITE = {
    'table': """\
+--------------------------------------+--------------+--------+--------+--------+---------+----------------------+
| ID                                   | Name         | Size   | Cached | Queued | Missing | Missing On           |
+--------------------------------------+--------------+--------+--------+--------+---------+----------------------+
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | 2.0 MB |      0 |      1 |       2 | bergen, tromso       |
| 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 | fedora-42    | 5.0 MB |      2 |      0 |       1 | tromso               |
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | 5.0 MB |      1 |      0 |       2 | oslo, tromso         |
| c0ffee00-1234-4abc-8def-0123456789ab |              | 7 B    |      0 |      0 |       3 | oslo, bergen, tromso |
+--------------------------------------+--------------+--------+--------+--------+---------+----------------------+
""",
    'json': """\
[
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Size": 2000000,
    "Cached": 0,
    "Queued": 1,
    "Missing": 2,
    "Missing On": [
      "bergen",
      "tromso"
    ]
  },
  {
    "ID": "0f8f89be-fed2-44c4-91f8-b2a0c3b15f27",
    "Name": "fedora-42",
    "Size": 5000000,
    "Cached": 2,
    "Queued": 0,
    "Missing": 1,
    "Missing On": [
      "tromso"
    ]
  },
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "Size": 5000000,
    "Cached": 1,
    "Queued": 0,
    "Missing": 2,
    "Missing On": [
      "oslo",
      "tromso"
    ]
  },
  {
    "ID": "c0ffee00-1234-4abc-8def-0123456789ab",
    "Name": null,
    "Size": 7,
    "Cached": 0,
    "Queued": 0,
    "Missing": 3,
    "Missing On": [
      "oslo",
      "bergen",
      "tromso"
    ]
  }
]
""",
    'yaml': """\
- Cached: 0
  ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Missing: 2
  Missing On:
  - bergen
  - tromso
  Name: debian-13
  Queued: 1
  Size: 2000000
- Cached: 2
  ID: 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27
  Missing: 1
  Missing On:
  - tromso
  Name: fedora-42
  Queued: 0
  Size: 5000000
- Cached: 1
  ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Missing: 2
  Missing On:
  - oslo
  - tromso
  Name: ubuntu-24.04
  Queued: 0
  Size: 5000000
- Cached: 0
  ID: c0ffee00-1234-4abc-8def-0123456789ab
  Missing: 3
  Missing On:
  - oslo
  - bergen
  - tromso
  Name: null
  Queued: 0
  Size: 7
""",
    'csv': """\
"ID","Name","Size","Cached","Queued","Missing","Missing On"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13",2000000,0,1,2,"bergen,tromso"
"0f8f89be-fed2-44c4-91f8-b2a0c3b15f27","fedora-42",5000000,2,0,1,"tromso"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04",5000000,1,0,2,"oslo,tromso"
"c0ffee00-1234-4abc-8def-0123456789ab","",7,0,0,3,"oslo,bergen,tromso"
""",
    'value': """\
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 2000000 0 1 2 bergen,tromso
0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 fedora-42 5000000 2 0 1 tromso
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 5000000 1 0 2 oslo,tromso
c0ffee00-1234-4abc-8def-0123456789ab  7 0 0 3 oslo,bergen,tromso
""",
}
COVER = {
    'table': """\
+--------------------------------------+--------------+--------+--------+--------+---------+------------+
| ID                                   | Name         | Size   | Cached | Queued | Missing | Missing On |
+--------------------------------------+--------------+--------+--------+--------+---------+------------+
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | 2.0 MB |      1 |      1 |       1 | bergen-1   |
| 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 | fedora-42    | 5.0 MB |      2 |      0 |       1 | tromso     |
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | 5.0 MB |      2 |      0 |       1 | oslo-1     |
+--------------------------------------+--------------+--------+--------+--------+---------+------------+
""",
    'json': """\
[
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Size": 2000000,
    "Cached": 1,
    "Queued": 1,
    "Missing": 1,
    "Missing On": [
      "bergen-1"
    ]
  },
  {
    "ID": "0f8f89be-fed2-44c4-91f8-b2a0c3b15f27",
    "Name": "fedora-42",
    "Size": 5000000,
    "Cached": 2,
    "Queued": 0,
    "Missing": 1,
    "Missing On": [
      "tromso"
    ]
  },
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "Size": 5000000,
    "Cached": 2,
    "Queued": 0,
    "Missing": 1,
    "Missing On": [
      "oslo-1"
    ]
  }
]
""",
    'yaml': """\
- Cached: 1
  ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Missing: 1
  Missing On:
  - bergen-1
  Name: debian-13
  Queued: 1
  Size: 2000000
- Cached: 2
  ID: 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27
  Missing: 1
  Missing On:
  - tromso
  Name: fedora-42
  Queued: 0
  Size: 5000000
- Cached: 2
  ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Missing: 1
  Missing On:
  - oslo-1
  Name: ubuntu-24.04
  Queued: 0
  Size: 5000000
""",
    'csv': """\
"ID","Name","Size","Cached","Queued","Missing","Missing On"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13",2000000,1,1,1,"bergen-1"
"0f8f89be-fed2-44c4-91f8-b2a0c3b15f27","fedora-42",5000000,2,0,1,"tromso"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04",5000000,2,0,1,"oslo-1"
""",
    'value': """\
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 2000000 1 1 1 bergen-1
0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 fedora-42 5000000 2 0 1 tromso
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 5000000 2 0 1 oslo-1
""",
}
BOTH = {
    'table': """\
+--------------------------------------+--------------+--------+--------+--------+---------+------------+
| ID                                   | Name         | Size   | Cached | Queued | Missing | Missing On |
+--------------------------------------+--------------+--------+--------+--------+---------+------------+
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | 2.0 MB |      0 |      1 |       1 | bergen     |
| 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 | fedora-42    | 5.0 MB |      1 |      0 |       1 | tromso     |
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | 5.0 MB |      1 |      0 |       1 | oslo       |
+--------------------------------------+--------------+--------+--------+--------+---------+------------+
""",
    'json': """\
[
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Size": 2000000,
    "Cached": 0,
    "Queued": 1,
    "Missing": 1,
    "Missing On": [
      "bergen"
    ]
  },
  {
    "ID": "0f8f89be-fed2-44c4-91f8-b2a0c3b15f27",
    "Name": "fedora-42",
    "Size": 5000000,
    "Cached": 1,
    "Queued": 0,
    "Missing": 1,
    "Missing On": [
      "tromso"
    ]
  },
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "Size": 5000000,
    "Cached": 1,
    "Queued": 0,
    "Missing": 1,
    "Missing On": [
      "oslo"
    ]
  }
]
""",
    'yaml': """\
- Cached: 0
  ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Missing: 1
  Missing On:
  - bergen
  Name: debian-13
  Queued: 1
  Size: 2000000
- Cached: 1
  ID: 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27
  Missing: 1
  Missing On:
  - tromso
  Name: fedora-42
  Queued: 0
  Size: 5000000
- Cached: 1
  ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Missing: 1
  Missing On:
  - oslo
  Name: ubuntu-24.04
  Queued: 0
  Size: 5000000
""",
    'csv': """\
"ID","Name","Size","Cached","Queued","Missing","Missing On"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13",2000000,0,1,1,"bergen"
"0f8f89be-fed2-44c4-91f8-b2a0c3b15f27","fedora-42",5000000,1,0,1,"tromso"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04",5000000,1,0,1,"oslo"
""",
    'value': """\
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 2000000 0 1 1 bergen
0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 fedora-42 5000000 1 0 1 tromso
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 5000000 1 0 1 oslo
""",
}
QUEUED = {
    'table': """\
+--------+-------+----------------+--------+--------+--------+--------+
| Site   | Nodes | Already Cached | Cached | Queued | Failed | Size   |
+--------+-------+----------------+--------+--------+--------+--------+
| oslo   |     2 |              1 |      0 |      0 |      1 | 5.0 MB |
| bergen |     1 |              1 |      0 |      0 |      0 | 5.0 MB |
| tromso |     1 |              0 |      0 |      1 |      0 | 5.0 MB |
+--------+-------+----------------+--------+--------+--------+--------+
""",
    'json': """\
[
  {
    "Site": "oslo",
    "Nodes": 2,
    "Already Cached": 1,
    "Cached": 0,
    "Queued": 0,
    "Failed": 1,
    "Size": 5000000
  },
  {
    "Site": "bergen",
    "Nodes": 1,
    "Already Cached": 1,
    "Cached": 0,
    "Queued": 0,
    "Failed": 0,
    "Size": 5000000
  },
  {
    "Site": "tromso",
    "Nodes": 1,
    "Already Cached": 0,
    "Cached": 0,
    "Queued": 1,
    "Failed": 0,
    "Size": 5000000
  }
]
""",
    'yaml': """\
- Already Cached: 1
  Cached: 0
  Failed: 1
  Nodes: 2
  Queued: 0
  Site: oslo
  Size: 5000000
- Already Cached: 1
  Cached: 0
  Failed: 0
  Nodes: 1
  Queued: 0
  Site: bergen
  Size: 5000000
- Already Cached: 0
  Cached: 0
  Failed: 0
  Nodes: 1
  Queued: 1
  Site: tromso
  Size: 5000000
""",
    'csv': """\
"Site","Nodes","Already Cached","Cached","Queued","Failed","Size"
"oslo",2,1,0,0,1,5000000
"bergen",1,1,0,0,0,5000000
"tromso",1,0,0,1,0,5000000
""",
    'value': """\
oslo 2 1 0 0 1 5000000
bergen 1 1 0 0 0 5000000
tromso 1 0 0 1 0 5000000
""",
}

FORMATS = ('table', 'json', 'yaml', 'csv', 'value')
Write = Callable[[str], None]


@pytest.fixture
def write(clouds_yaml: Any, tmp_path: pathlib.Path) -> Write:
    """Write a policy; the cloud has four nodes."""
    clouds_yaml(policies.CLOUDS_YAML)
    path = tmp_path / 'policy.yaml'
    return lambda text: void(path.write_text(text, encoding='utf-8'))


def void(_value: object) -> None:
    """Nothing."""


@pytest.fixture
def before(cloud: Cloud, write: Write) -> None:
    """The policy, and caches that do not hold what it wants."""
    write(policies.POLICY)
    policies.answer_queries(cloud)
    policies.answer_caches(cloud, policies.BEFORE)


@pytest.fixture
def an_orphan(cloud: Cloud) -> None:
    """Glance does not know its name."""
    url = f'{policies.IMAGES}?id=in:{p.ORPHAN}'
    cloud.answers('GET', url, json=p.images())


def accept(cloud: Cloud, *requests: str) -> None:
    """Accept requests that change something."""
    for one in requests:
        method, __, url = one.partition(' ')
        status = 202 if method == 'PUT' else 204
        cloud.answers(method, url, status_code=status)


def to_glance(cloud: Cloud) -> list[str]:
    """The queries of the list of images."""
    return [one for one in cloud.requests if policies.IMAGES in one]


@pytest.mark.parametrize('name', FORMATS)
@pytest.mark.usefixtures('before')
def test_a_check_shows_what_is_pending_and_exits_3(
    cloud: Cloud, openstack: OpenStack, name: str
) -> None:
    """Images of all sites are resolved once, in few requests."""
    result = openstack(*SYNC, '--check', '-f', name)

    assert result == Result(3, CHECK[name], EXTRAS)
    assert policies.changes(cloud) == []
    assert sorted(to_glance(cloud)) == sorted(policies.QUERIES)
    assert len(cloud.requests) == 8


@pytest.mark.parametrize('name', FORMATS)
@pytest.mark.usefixtures('before', 'an_orphan')
def test_a_check_shows_what_is_to_be_deleted(
    cloud: Cloud, openstack: OpenStack, name: str
) -> None:
    result = openstack(*SYNC, '--check', '--delete-others', '-f', name)

    assert result == Result(3, CHECK_DELETE[name], '')
    assert policies.changes(cloud) == []


@pytest.mark.parametrize('name', FORMATS)
@pytest.mark.usefixtures('before')
def test_a_dry_run_shows_it_too_and_how_much_it_downloads(
    cloud: Cloud, openstack: OpenStack, name: str
) -> None:
    result = openstack(*SYNC, '--dry-run', '-f', name)

    assert result == Result(0, CHECK[name], EXTRAS + DOWNLOADS)
    assert policies.changes(cloud) == []


@pytest.mark.parametrize(
    ('option', 'code', 'errors'),
    [('--check', 3, EXTRAS), ('--dry-run', 0, EXTRAS + DOWNLOADS)],
)
@pytest.mark.parametrize('name', FORMATS)
@pytest.mark.usefixtures('before')
def test_a_summary_of_what_is_pending(
    openstack: OpenStack, name: str, option: str, code: int, errors: str
) -> None:
    result = openstack(*SYNC, option, '--summary', '-f', name)

    assert result == Result(code, SUMMARY[name], errors)


@pytest.mark.parametrize('name', FORMATS)
@pytest.mark.usefixtures('before', 'an_orphan')
def test_caches_become_what_the_policy_wants(
    cloud: Cloud, openstack: OpenStack, name: str
) -> None:
    accept(cloud, DELETION, *PUTS)

    result = openstack(*SYNC, '--all-nodes', *DELETE, '-f', name)

    assert result == Result(0, APPLIED[name], '')
    assert policies.changes(cloud) == [DELETION, *PUTS]


@pytest.mark.parametrize('name', FORMATS)
@pytest.mark.usefixtures('before', 'an_orphan')
def test_a_summary_of_what_was_done(
    cloud: Cloud, openstack: OpenStack, name: str
) -> None:
    accept(cloud, DELETION, *PUTS)

    result = openstack(*SYNC, '--all-nodes', *DELETE, '--summary', '-f', name)

    assert result == Result(0, SUMMARY_DELETE[name], '')


@pytest.mark.parametrize(
    ('option', 'code'), [('--check', 3), ('--dry-run', 0)]
)
@pytest.mark.usefixtures('before', 'an_orphan')
def test_a_summary_of_what_would_be_deleted(
    openstack: OpenStack, option: str, code: int
) -> None:
    result = openstack(
        *(*SYNC, '--all-nodes', '--delete-others', option, '--summary'),
        *('-f', 'csv'),
    )

    assert (result.code, result.out) == (code, SUMMARY_DELETE['csv'])


@pytest.mark.usefixtures('before', 'an_orphan')
def test_deletions_that_fail_are_counted(
    cloud: Cloud, openstack: OpenStack
) -> None:
    accept(cloud, *PUTS)
    method, url = DELETION.split()
    cloud.answers(method, url, status_code=500)

    result = openstack(*SYNC, '--all-nodes', *DELETE, '--summary', '-f', 'csv')

    assert result.code == 1
    assert result.err.startswith(f'Cannot delete image {p.ORPHAN} ')
    assert result.out.splitlines()[1] == '"oslo",2,4,0,2,0,1,24000000'


@pytest.mark.usefixtures('before')
def test_without_delete_others_on_the_command_line_extras_are_reported(
    cloud: Cloud, openstack: OpenStack
) -> None:
    accept(cloud, *PUTS)

    result = openstack(*SYNC, '--all-nodes', '-f', 'csv')

    kept = [one for one in APPLIED['csv'].splitlines() if 'deleted' not in one]
    assert result == Result(0, '\n'.join([*kept, '']), EXTRAS)
    assert policies.changes(cloud) == PUTS


def test_doing_it_again_changes_nothing(
    cloud: Cloud, openstack: OpenStack, write: Write
) -> None:
    write(policies.POLICY)
    policies.answer_queries(cloud)
    policies.answer_caches(cloud, policies.AFTER)

    again = openstack(*SYNC, '--all-nodes', *DELETE, '-f', 'json')
    check = openstack(*SYNC, '--check', '--delete-others')

    assert (again.code, again.err) == (0, '')
    assert {one['Result'] for one in json.loads(again.out)} == {
        'already cached'
    }
    assert check == Result(0, '\n', '')
    assert policies.changes(cloud) == []


@pytest.mark.usefixtures('before')
def test_only_the_chosen_sites_are_changed(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Sets of other sites are not even looked up."""
    cloud._stubs.clear()
    accept(cloud, PUTS[2])

    result = openstack(*SYNC, '--node', 'tromso', *SHORT)

    assert result == Result(0, 'fedora-42 tromso\n', '')
    assert to_glance(cloud) == [policies.QUERIES[2]]


@pytest.mark.usefixtures('before')
def test_an_option_that_deletes_nothing_is_reported(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud._stubs.clear()

    result = openstack(
        *(*SYNC, '--node', 'tromso', '--delete-others', '--check', *SHORT)
    )

    assert result.code == 3
    assert result.err.startswith(
        "No other entries are deleted: the policy's rules for these sites do "
        "not set 'delete_others'.\n"
    )


def test_the_policy_is_read_from_standard_input(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(policies.CLOUDS_YAML)
    policies.answer_queries(cloud)
    policies.answer_caches(cloud, policies.BEFORE)

    result = openstack(
        *(*CACHE, 'sync', '--policy', '-', '--check'), stdin=policies.POLICY
    )

    assert result == Result(3, CHECK['table'], EXTRAS)


MISSING = policies.POLICY.replace('[ubuntu-24.04,', '[ubuntu-24.04, nosuch,')
NOT_FOUND = (
    "Cannot find 'nosuch' of set radio: No image has the name or ID 'nosuch'."
    " See 'openstack image list'.\n"
)
HELD_BACK = (
    "Extra entries on oslo are not deleted: Some images of the policy's sets "
    'were not found. Correct the sets, and run the command again.\n'
)


@pytest.fixture
def not_found(cloud: Cloud, before: None, write: Write) -> None:
    """One image of set radio does not exist."""
    write(MISSING)
    # The names are asked for together.
    cloud._stubs[:] = [
        one for one in cloud._stubs if 'name=in:ubuntu' not in one[0]
    ]
    cloud.answers(
        'GET',
        f'{policies.IMAGES}?name=in:ubuntu-24.04,nosuch',
        json=policies.found(p.UBUNTU),
    )
    cloud.answers(
        'GET',
        f'{policies.IMAGES}?name=in:nosuch&os_hidden=true',
        json=p.images(),
    )


@pytest.mark.usefixtures('not_found')
def test_an_image_that_is_not_found_is_reported_once(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Other work continues; nothing is deleted where it may belong."""
    accept(cloud, *PUTS)

    result = openstack(*SYNC, '--all-nodes', *DELETE, '-f', 'csv')

    kept = [one for one in APPLIED['csv'].splitlines() if 'deleted' not in one]
    assert result == Result(1, '\n'.join([*kept, '']), NOT_FOUND + HELD_BACK)
    assert policies.changes(cloud) == PUTS


@pytest.mark.usefixtures('not_found')
def test_extras_of_incomplete_sets_are_not_reported(
    openstack: OpenStack,
) -> None:
    """--delete-others would not delete them."""
    result = openstack(*SYNC, '--check')

    assert result == Result(1, CHECK['table'], NOT_FOUND)


def test_sites_whose_sets_are_complete_still_lose_other_images(
    cloud: Cloud, openstack: OpenStack, write: Write
) -> None:
    write(
        'version: 1\n'
        'sets: {one: {tags: [golden]}, two: {tags: [nosuch]}}\n'
        'sites:\n'
        '  - {match: [oslo], sets: [one], delete_others: true}\n'
        '  - {match: [bergen], sets: [one, two], delete_others: true}\n'
    )
    tagged = f'{policies.IMAGES}?tag='
    cloud.answers('GET', f'{tagged}golden', json=policies.found(p.FEDORA))
    cloud.answers('GET', f'{tagged}nosuch', json=p.images())
    cloud.answers(
        'GET',
        f'{policies.IMAGES}?id=in:{p.UBUNTU}',
        json=policies.found(p.UBUNTU),
    )
    policies.answer_caches(
        cloud,
        {
            policies.OSLO_1: p.cache(p.cached(p.UBUNTU), p.cached(p.FEDORA)),
            policies.OSLO_2: p.cache(p.cached(p.FEDORA)),
            policies.BERGEN: p.cache(p.cached(p.UBUNTU), p.cached(p.FEDORA)),
            policies.TROMSO: p.cache(p.cached(p.ORPHAN)),
        },
    )  # fmt: skip
    deletion = f'DELETE {policies.OSLO_1}/v2/cache/{p.UBUNTU}'
    accept(cloud, deletion)

    result = openstack(*SYNC, '--all-nodes', *DELETE, *SHORT, '-c', 'Result')

    assert result == Result(
        1,
        'ubuntu-24.04 deleted oslo-1\n'
        'fedora-42 already cached oslo-1\n'
        'fedora-42 already cached oslo-2\n'
        'fedora-42 already cached bergen-1\n',
        'Sites without a rule in the policy: tromso.\n'
        'Cannot find images of set two: No image has all of these tags and '
        "properties: nosuch. See 'openstack image list --tag nosuch'.\n"
        + HELD_BACK.replace('oslo', 'bergen'),
    )
    assert policies.changes(cloud) == [deletion]


@pytest.mark.parametrize(
    'command', [('sync', '--check'), ('coverage',), ('site', 'list')]
)
def test_a_policy_without_a_rule_for_any_site_is_a_failure(
    cloud: Cloud, openstack: OpenStack, write: Write, command: tuple[str, ...]
) -> None:
    """Nothing is compared, so nothing complies."""
    write('version: 1\nsets: {}\nsites: []\n')
    cloud.answers('GET', f'{policies.TROMSO}/v2/cache', json=p.cache())

    result = openstack(
        *(*CACHE, *command, '--policy', 'policy.yaml', '--site', 'tromso')
    )

    assert (result.code, result.err) == (
        1,
        'Cannot apply the policy to tromso: The policy has no rule for these '
        "sites. Check 'match' in the policy.\n",
    )


def test_a_site_that_is_written_wrong_is_reported(
    cloud: Cloud, openstack: OpenStack, write: Write
) -> None:
    """But none that is configured, and not chosen."""
    rule = (
        '  - match: [olso, "olso-*", bergen, "t*", "\\ea"]\n    sets: [base]\n'
    )
    write(policies.POLICY + rule)
    cloud.answers('GET', f'{policies.IMAGES}?tag=golden', json=p.images())
    cloud.answers('GET', f'{policies.TROMSO}/v2/cache', json=p.cache())

    result = openstack(*SYNC, '--check', '--site', 'tromso', *SHORT)

    assert result.err.splitlines()[0] == (
        'Sites in the policy without nodes: \\x1ba, olso, olso-*.'
    )
    assert 'oslo' not in result.err


def test_an_error_in_the_policy_has_a_line_and_nothing_is_done(
    cloud: Cloud, openstack: OpenStack, write: Write
) -> None:
    write(policies.POLICY.replace('[radio]', '[raido]'))

    results = [
        openstack(*argv, '--policy', 'policy.yaml')
        for argv in (
            (*CACHE, 'sync', '--all-nodes'),
            (*CACHE, 'sync', '--check'),
            (*CACHE, 'coverage'),
            (*CACHE, 'site', 'list'),
        )
    ]

    assert results == 4 * [
        Result(
            2,
            '',
            "'policy.yaml' is not a valid policy: line 12, column 12: unknown "
            "set 'raido'; sets: base, radio.\n",
        )
    ]
    assert cloud.requests == []


@pytest.mark.parametrize(
    ('argv', 'expected'),
    [
        (
            ['--policy', 'nosuch.yaml'],
            "Cannot read 'nosuch.yaml': No such file or directory.\n",
        ),
        (['--policy', '.'], "Cannot read '.': Is a directory.\n"),
        (
            ['--policy', 'latin.yaml'],
            "Cannot read 'latin.yaml': not UTF-8 text.\n",
        ),
        *(
            (
                ['--policy', 'policy.yaml', *more],
                '--policy cannot be combined with other options that select '
                'images. Use one of them.\n',
            )
            for more in (
                ['ubuntu-24.04'],
                ['--tag', 'golden'],
                ['--property', 'os_distro=debian'],
                ['--from-file', 'images.txt'],
                ['--from-file', ''],
            )
        ),
        (
            ['--policy', 'policy.yaml', '--check', '--wait'],
            '--check cannot be combined with --wait or an option that implies '
            'it. Use --check or --wait.\n',
        ),
        (
            ['--policy', 'policy.yaml', '--check', '--max-downloads-per-site', '1'],
            '--check cannot be combined with --wait or an option that implies '
            'it. Use --check or --wait.\n',
        ),
    ],
)  # fmt: skip
def test_bad_input_is_told_in_a_line(
    cloud: Cloud,
    openstack: OpenStack,
    write: Write,
    tmp_path: pathlib.Path,
    argv: list[str],
    expected: str,
) -> None:
    write(policies.POLICY)
    (tmp_path / 'latin.yaml').write_bytes(b'\xe5')

    result = openstack(*CACHE, 'sync', '--all-nodes', *argv)

    assert result == Result(2, '', expected)
    assert cloud.requests == []


def test_a_policy_of_which_an_image_is_not_found_is_not_watched(
    cloud: Cloud, openstack: OpenStack, write: Write
) -> None:
    write(
        'version: 1\nsets: {base: {images: [nope]}}\n'
        "sites: [{match: ['*'], sets: [base]}]\n"
    )
    cloud.answers(
        'GET', f'{policies.IMAGES}?name=in:nope', json=policies.found()
    )

    result = openstack(*CACHE, 'watch', '--policy', 'policy.yaml')

    assert (result.code, result.out) == (1, '')
    assert result.err.startswith("Cannot find 'nope' of set base: ")
    assert result.err.count('\n') == 1
    assert not [one for one in cloud.requests if '/v2/cache' in one]


def test_a_policy_changes_nothing_before_nodes_are_named(
    cloud: Cloud, openstack: OpenStack, write: Write
) -> None:
    write(policies.POLICY)

    result = openstack(*SYNC)

    assert (result.code, result.out) == (2, '')
    assert cloud.requests == []


def test_fills_of_a_site_are_limited_by_the_policy(
    cloud: Cloud, openstack: OpenStack, write: Write
) -> None:
    """The second node of Oslo is asked when the first one is done."""
    write(
        'version: 1\nsets: {base: {tags: [golden]}}\n'
        "sites: [{match: ['*'], sets: [base], max_downloads: 1}]\n"
    )
    cloud.answers(
        'GET',
        f'{policies.IMAGES}?tag=golden',
        json=policies.found(p.FEDORA),
    )
    cloud.answers(
        'GET',
        f'{policies.IMAGES}?id=in:{p.FEDORA}',
        json=policies.found(p.FEDORA),
    )
    cloud._stubs.pop()  # If it takes a second.
    empty, full = p.cache(), p.cache(p.cached(p.FEDORA))
    nodes = (policies.OSLO_1, policies.OSLO_2)
    for root in nodes:
        listed = f'{root}/v2/cache'
        cloud.answers('GET', listed, {'json': empty}, {'json': full})
        accept(cloud, f'PUT {listed}/{p.FEDORA}')

    result = openstack(*SYNC, '--site', 'oslo', '--wait', '-f', 'csv')

    assert (result.code, result.err) == (0, '')
    order = [
        one.partition(' ')[0] + ' ' + ('1' if 'oslo-1' in one else '2')
        for one in cloud.requests
        if 'oslo-' in one
    ]
    assert sorted(order[:2]) == ['GET 1', 'GET 2']
    assert order[2:] in (
        ['PUT 1', 'GET 1', 'PUT 2', 'GET 2'],
        ['PUT 2', 'GET 2', 'PUT 1', 'GET 1'],
    )


@pytest.mark.parametrize('name', FORMATS)
@pytest.mark.usefixtures('before')
def test_coverage_of_what_the_policy_wants(
    cloud: Cloud, openstack: OpenStack, name: str
) -> None:
    result = openstack(
        *CACHE, 'coverage', '--policy', 'policy.yaml', '-f', name
    )

    assert result == Result(0, COVER[name], '')
    assert sorted(to_glance(cloud)) == sorted(policies.QUERIES)


@pytest.mark.parametrize('argv', [(), ('--by-site',)])
def test_a_silent_node_affects_only_the_images_that_belong_on_it(
    cloud: Cloud,
    openstack: OpenStack,
    write: Write,
    argv: tuple[str, ...],
) -> None:
    write(policies.POLICY)
    policies.answer_queries(cloud)
    rounds = dict(policies.BEFORE)
    del rounds[policies.TROMSO]
    policies.answer_caches(cloud, rounds)
    cloud.answers(
        'GET', f'{policies.TROMSO}/v2/cache', exc=ConnectionRefusedError
    )

    result = openstack(
        *(*CACHE, 'coverage', '--policy', 'policy.yaml', *argv),
        *('-f', 'csv', '-c', 'Name', '-c', 'Missing On'),
    )

    bergen, oslo = ('bergen', 'oslo') if argv else ('bergen-1', 'oslo-1')
    assert (result.code, result.out) == (
        1,
        '"Name","Missing On"\n'
        f'"debian-13","{bergen}"\n'
        '"fedora-42",""\n'
        f'"ubuntu-24.04","{oslo}"\n',
    )


@pytest.mark.parametrize('name', FORMATS)
@pytest.mark.usefixtures('before')
def test_coverage_of_it_by_site(openstack: OpenStack, name: str) -> None:
    result = openstack(
        *(*CACHE, 'coverage', '--policy', 'policy.yaml', '--by-site'),
        *('-f', name),
    )

    assert result == Result(0, BOTH[name], '')


@pytest.mark.parametrize('name', FORMATS)
def test_coverage_by_site(
    cloud: Cloud, openstack: OpenStack, write: Write, name: str
) -> None:
    write('')
    policies.answer_caches(cloud, policies.BEFORE)
    cloud.answers(
        'GET',
        f'{policies.IMAGES}?id=in:{p.FEDORA},{p.ORPHAN},{p.DEBIAN},{p.UBUNTU}',
        json=policies.found(p.FEDORA, p.UBUNTU, p.DEBIAN),
    )
    cloud.answers(
        'GET',
        f'{policies.IMAGES}?id=in:{p.ORPHAN}&os_hidden=true',
        json=p.images(),
    )

    result = openstack(*CACHE, 'coverage', '--by-site', '-f', name)

    assert result == Result(0, BY_SITE[name], '')


@pytest.mark.parametrize('name', FORMATS)
def test_a_summary_of_queue(
    cloud: Cloud, openstack: OpenStack, write: Write, name: str
) -> None:
    """A row for each site, also of nodes that failed."""
    write('')
    url = f'{policies.IMAGES}?name=in:fedora-42'
    cloud.answers('GET', url, json=policies.found(p.FEDORA))
    rounds = dict(policies.BEFORE)
    del rounds[policies.OSLO_2]
    policies.answer_caches(cloud, rounds)
    cloud.answers(
        'GET', f'{policies.OSLO_2}/v2/cache', exc=ConnectionRefusedError
    )
    accept(cloud, PUTS[2])

    result = openstack(
        *(*CACHE, 'queue', 'fedora-42', '--all-nodes', '--summary'),
        *('-f', name),
    )

    assert (result.code, result.out) == (1, QUEUED[name])
    assert result.err.startswith('Cannot read the cache of oslo-2 ')
    assert result.err.count('\n') == 1


def test_a_row_of_a_summary_has_the_columns_of_its_own(
    cloud: Cloud, openstack: OpenStack, write: Write
) -> None:
    write(policies.POLICY)

    result = openstack(*(*SYNC, '--all-nodes', '--summary', '-c', 'ID'))

    assert result == Result(
        2,
        '',
        'Unknown column: ID. Available: Site, Nodes, Already Cached, Cached, '
        'Queued, Failed, Size.\n',
    )
    assert cloud.requests == []


def test_a_site_with_a_silent_node_does_not_have_an_image(
    cloud: Cloud, openstack: OpenStack, write: Write
) -> None:
    """It is not known what that node holds."""
    write('')
    url = f'{policies.IMAGES}?name=in:fedora-42'
    cloud.answers('GET', url, json=policies.found(p.FEDORA))
    rounds = dict(policies.AFTER)
    del rounds[policies.OSLO_2]
    policies.answer_caches(cloud, rounds)
    cloud.answers(
        'GET', f'{policies.OSLO_2}/v2/cache', exc=ConnectionRefusedError
    )

    result = openstack(
        *(*CACHE, 'coverage', '--by-site', 'fedora-42'),
        *('-f', 'value', '-c', 'Cached', '-c', 'Missing'),
    )

    assert (result.code, result.out) == (1, '2 0\n')
