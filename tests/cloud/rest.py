# SPDX-License-Identifier: Apache-2.0

"""Sends JSON requests to a service on loopback."""

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
    """A service responded with a fault: HTTP status and message."""

    def __init__(self, method: str, url: str, status: int, text: str) -> None:
        super().__init__(f'{method} {url}: {status} {text}')
        self.status = status
        self.text = text


@dataclass(frozen=True)
class Reply:
    """The response of a service.

    :ivar headers: headers by lower-case name
    :ivar body: the parsed JSON, or the text if it is not JSON; '' if empty
    """

    status: int
    headers: Mapping[str, str]
    body: Any


class _EveryStatus(urllib.request.HTTPErrorProcessor):
    """Returns all responses unchanged, redirects and faults included."""

    def http_response(
        self, _request: urllib.request.Request, response: HTTPResponse
    ) -> HTTPResponse:
        return response


# Requests to loopback never use a proxy.
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
    """Send one request and return the response.

    :param body: sent as JSON, unless None
    :param data: streamed without changes; set Content-Length in the headers
    :param timeout: seconds without a byte
    :raises RestError: the status is 400 or more
    :raises OSError: no service responds
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
    """Whether GET `url` succeeds within 5 seconds."""
    try:
        call('GET', url, timeout=5)
    except (OSError, HTTPException, RestError):
        return False
    return True
