# SPDX-License-Identifier: Apache-2.0

"""The result of a command."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any
from typing import Self

#: Maximum seconds for a command.
PATIENCE = 60.0
_REQUEST_ID = re.compile(r' \(Request-ID: req-[0-9a-f-]{36}\)')


@dataclasses.dataclass(frozen=True)
class Result:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str

    def without_ids(self) -> Self:
        """The same without the request IDs of Glance."""
        return dataclasses.replace(self, err=_REQUEST_ID.sub('', self.err))

    @property
    def rows(self) -> Any:
        """The output of ``-f json``."""
        return json.loads(self.out)
