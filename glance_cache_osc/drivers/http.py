# SPDX-License-Identifier: Apache-2.0

"""Requests to one node: the login, retries, and what makes an answer JSON."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
import dataclasses
import functools
import json
from typing import Any
import urllib.parse

from glance_cache_osc import errors
from glance_cache_osc.drivers import faults
from glance_cache_osc.drivers import retries
from glance_cache_osc.i18n import _
from glance_cache_osc.model import images
from glance_cache_osc.transport import engine as engines
from glance_cache_osc.transport import login as logins
from glance_cache_osc.transport import settings

#: Bytes of a response: 30,000 entries of a cache; a page of 1,000 images
#: with long properties.
MAX_NODE_RESPONSE = 8 * 2**20
MAX_CATALOGUE_RESPONSE = 64 * 2**20
#: Of every request. As OpenStackClient asks: Glance's words come as HTML then.
_REQUEST_ID = 'X-OpenStack-Request-ID'
_HEADERS = {'Accept': '*/*', 'User-Agent': 'glance-cache-osc'}


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class NodeClient:
    """Requests to one node.

    :param engine: sends them.
    :param login: the token.
    :param settings: TLS and proxy.
    :param endpoint: the node's root URL, without ``/v2`` or a final slash.
    :param timeout: seconds until the connection is established, and again
        until the response begins.
    :param max_size: bytes that a response may have.
    :param fresh: whether each request opens a new connection.
    :param address: see `engine.Request`.
    """

    engine: engines.Engine
    login: logins.Login
    settings: settings.Settings
    endpoint: str
    timeout: float
    max_size: int = MAX_NODE_RESPONSE
    fresh: bool = False
    address: str = ''

    def reconnecting(self) -> 'NodeClient':
        """The same, with a new connection for each request."""
        return dataclasses.replace(self, fresh=True)

    async def request(  # noqa: PLR0913 - by name alone
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        authenticated: bool = True,
        timeout: float | None = None,
        parse: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Send a request and decode its response.

        :param parse: is called with the decoded JSON.
        :returns: the decoded JSON, or the result of `parse`; None where the
            response has no body.
        :raises glance_cache_osc.errors.NodeError: as `send`; or the body is
            not JSON.
        """
        response = await self.send(
            method,
            path,
            headers=headers,
            authenticated=authenticated,
            timeout=timeout,
        )
        return _decode(response.body, parse)

    async def send(  # noqa: PLR0913 - by name alone
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        authenticated: bool = True,
        timeout: float | None = None,
        max_size: int | None = None,
        sink: Callable[[bytes], None] | None = None,
    ) -> engines.Response:
        """Send a request; repeat it if the node answers 429 or 503.

        :param path: below the endpoint, beginning with a slash; quoted.
        :param authenticated: whether the request carries the token.
        :param timeout: seconds until the response's headers are complete,
            if not the node's.
        :param max_size: bytes that the body may have, if not the node's.
        :param sink: see `engine.Request`.
        :returns: a response with a status of 2xx.
        :raises glance_cache_osc.errors.NodeError: there is no such response.
            Redirects are not followed: the token is for this node alone.
        """
        again = retries.Retries(method, self.timeout, self.engine.pause)
        usual = {**_HEADERS, _REQUEST_ID: self.engine.request_id}
        make = functools.partial(
            engines.Request,
            method=method,
            url=f'{self.endpoint}{path}',
            connect_timeout=self.timeout,
            timeout=timeout or self.timeout,
            max_size=max_size or self.max_size,
            settings=self.settings,
            secrets=self.login.secrets,
            sink=sink,
            fresh=self.fresh,
            address=self.address,
        )

        async def attempt(token: logins.Headers) -> engines.Response:
            return await self._perform(
                make(headers={**usual, **(headers or {}), **token})
            )

        while True:
            if authenticated:
                response = await self._with_token(attempt)
            else:
                response = await attempt({})
            coding = response.headers.get('content-encoding', 'identity')
            if coding.lower() != 'identity':
                raise errors.BadReply(
                    _(
                        'The response is compressed, although compression '
                        'was not requested'
                    )
                )
            if 200 <= response.status < 300:
                return response
            if not await again.wait(response):
                raise faults.from_status(response)

    async def _with_token(
        self, attempt: Callable[[logins.Headers], Awaitable[engines.Response]]
    ) -> engines.Response:
        """Send a request; once more if the token was the trouble."""
        clock = asyncio.get_running_loop().time
        # Then it is a further request of an operation in progress.
        draining = self.engine.draining.is_set()
        token = await self.login.headers()
        if self.engine.draining.is_set() and not draining:
            raise errors.Interrupted
        sent = clock()
        response = await attempt(token)
        if response.status == 401:
            renewed = await self.login.refused(token, sent)
            if renewed:
                response = await attempt(renewed)
        elif response.status < 300:
            self.login.accepted(sent)
        return response

    async def _perform(self, request: engines.Request) -> engines.Response:
        response = await self.engine.perform(request)
        # A node may keep it for an answer to a request without it.
        if any(one.encode() in response.body for one in request.secrets):
            raise errors.BadReply(
                _('The response contains the token of this login'),
                _('The response is not shown. Do not trust this endpoint.'),
            )
        return response


def segment(image_id: str) -> str:
    """An image's ID in a path: it comes from a node, and may be anything.

    :raises errors.Refused: it would change the path.
    """
    if images.is_text(image_id) and image_id not in ('.', '..'):
        return urllib.parse.quote(image_id, safe='')
    raise errors.Refused(_("'%s' is not an image ID") % image_id)


def _decode(content: bytes, parse: Callable[[Any], Any] | None) -> Any:
    """The value of a JSON text; None where there is no text.

    :raises errors.BadReply: it is none.
    """
    value = None
    try:
        if content:
            value = json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise errors.BadReply(
            _('The response is not valid JSON'), errors.CHECK_ENDPOINT
        ) from error
    return parse(value) if parse else value


def _refuse(word: str) -> None:
    raise ValueError(word)
