# SPDX-License-Identifier: Apache-2.0

"""Speak JSON over HTTP with a service on loopback."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from http.client import HTTPResponse
import json
from typing import Any
import urllib.error
import urllib.request


class RestError(Exception):
    """A service answered with a fault: its HTTP status and its words."""

    def __init__(self, method: str, url: str, status: int, text: str) -> None:
        super().__init__(f'{method} {url}: {status} {text}')
        self.status = status
        self.text = text


@dataclass(frozen=True)
class Reply:
    """What a service answered.

    :ivar headers: by lower-case name
    :ivar body: the parsed JSON, or text where it is no JSON, '' when empty
    """

    status: int
    headers: Mapping[str, str]
    body: Any


class _EveryStatus(urllib.request.HTTPErrorProcessor):
    """Hands every answer over as it came, redirects and faults too."""

    def http_response(
        self, _request: urllib.request.Request, response: HTTPResponse
    ) -> HTTPResponse:
        return response


# No proxy stands between this machine and itself.
_OPENER = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), _EveryStatus
)


def call(
    method: str,
    url: str,
    *,
    token: str | None = None,
    body: object = None,
    data: Iterable[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> Reply:
    """Make one request and return the answer.

    :param body: sent as JSON, unless None
    :param data: sent as it is, streamed; say Content-Length in the headers
    :param timeout: seconds without a byte
    :raises RestError: the status is 400 or more
    :raises OSError: nothing answers there
    """
    sent = dict(headers or {})
    if token is not None:
        sent['X-Auth-Token'] = token
    content: Any = data
    if body is not None:
        content = json.dumps(body).encode()
        sent['Content-Type'] = 'application/json'
    request = urllib.request.Request(
        url, data=content, headers=sent, method=method
    )
    with _OPENER.open(request, timeout=timeout) as response:
        text = response.read().decode('utf-8', 'replace')
        if response.status >= 400:
            raise RestError(method, url, response.status, text)
        try:
            parsed = json.loads(text)
        except ValueError:
            parsed = text
        return Reply(
            response.status,
            {name.lower(): value for name, value in response.headers.items()},
            parsed,
        )


def answers(url: str) -> bool:
    """Whether GET `url` brings anything but a fault, within 5 seconds."""
    try:
        call('GET', url, timeout=5)
    except (OSError, HTTPException, RestError):
        return False
    return True
