# SPDX-License-Identifier: Apache-2.0

"""Requests to one node, with the login, retries and decoding of JSON."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Collection
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
from glance_cache_osc.transport import failures
from glance_cache_osc.transport import login as logins
from glance_cache_osc.transport import settings

#: The largest responses, in bytes: 30,000 entries of a cache, and a page of
#: 1,000 images with long properties.
MAX_NODE_RESPONSE = 8 * 2**20
MAX_CATALOGUE_RESPONSE = 64 * 2**20
_REQUEST_ID = 'X-OpenStack-Request-ID'
#: The headers of every request. 'Accept' is the same as OpenStackClient's:
#: with it, Glance sends its messages as HTML.
_HEADERS = {'Accept': '*/*', 'User-Agent': 'glance-cache-osc'}


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class NodeClient:
    """Sends requests to one node.

    :param engine: sends the requests.
    :param login: provides the token.
    :param settings: TLS and proxy.
    :param endpoint: the node's root URL, without ``/v2`` or a final slash.
    :param timeout: seconds until the connection is established, and again
        seconds until the response's headers are complete.
    :param max_size: the largest size of a response, in bytes.
    :param fresh: whether each request opens a new connection.
    :param address: see `engine.Request`.
    :param failure: raised by each request, before it is sent; or None.
    """

    engine: engines.Engine
    login: logins.Login
    settings: settings.Settings
    endpoint: str
    timeout: float
    max_size: int = MAX_NODE_RESPONSE
    fresh: bool = False
    address: str = ''
    failure: errors.CacheError | None = None

    def reconnecting(self) -> 'NodeClient':
        """The same client, with a new connection for each request."""
        return dataclasses.replace(self, fresh=True)

    async def request(  # noqa: PLR0913 - keywords only
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

        For the other parameters see `send`.

        :param parse: is called with the decoded JSON.
        :returns: the decoded JSON, or the result of `parse`; the JSON is
            None if the response has no body.
        :raises glance_cache_osc.errors.NodeError: see `send`; or the body is
            not JSON.
        :raises Exception: any exception of `parse`.
        """
        response = await self.send(
            method,
            path,
            headers=headers,
            authenticated=authenticated,
            timeout=timeout,
        )
        value = self.decode(response)
        return parse(value) if parse else value

    def decode(self, response: engines.Response) -> Any:
        """The JSON of a response; None if it has no body.

        :raises glance_cache_osc.errors.BadReply: the body is not JSON.
        """
        return _decode(response.body, self.login.secrets)

    async def send(  # noqa: PLR0913 - keywords only
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
        """Send a request, and retry it if the status is 429 or 503.

        :param path: a quoted path relative to the endpoint, with a leading
            slash.
        :param headers: in addition to those of every request.
        :param authenticated: whether the request carries the token.
        :param timeout: seconds until the response's headers are complete;
            None for the node's timeout.
        :param max_size: the largest size of the body, in bytes; None for
            that of the node.
        :param sink: see `engine.Request`.
        :returns: a response with a 2xx status.
        :raises glance_cache_osc.errors.NodeError: there is no such response.
            Redirects are not followed: the token is for this node only.
        """
        if self.failure:
            # Else, each request would add to the traceback.
            raise self.failure.with_traceback(None)
        retry = retries.Retries(method, self.timeout, self.engine.pause)
        common = {**_HEADERS, _REQUEST_ID: self.engine.request_id}
        make_request = functools.partial(
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
                make_request(headers={**common, **(headers or {}), **token})
            )

        while True:
            if authenticated:
                response = await self._with_token(attempt)
            else:
                response = await attempt({})
            if compressed := failures.compressed(response.headers):
                raise compressed
            if 200 <= response.status < 300:
                return response
            if not await retry.wait(response):
                raise faults.from_status(
                    response,
                    self.endpoint,
                    self.login.secrets,
                    authenticated=authenticated,
                )

    async def _with_token(
        self, attempt: Callable[[logins.Headers], Awaitable[engines.Response]]
    ) -> engines.Response:
        """Send a request, and send it again if the token had to be renewed.

        :param attempt: sends the request with these headers.
        """
        clock = asyncio.get_running_loop().time
        always = self.engine.sends_always
        token = await self.login.headers()
        if self.engine.draining.is_set() and not always:
            raise errors.Interrupted
        sent = clock()
        response = await attempt(token)
        if response.status == 401:
            renewed = await self.login.refused(token, sent)
            if renewed:
                response = await attempt(renewed)
        return response

    async def _perform(self, request: engines.Request) -> engines.Response:
        response = await self.engine.perform(request)
        # A node may store the token and return it later, even in a response
        # to a request without a token.
        if any(one.encode() in response.body for one in request.secrets):
            raise _token_returned()
        return response


def _token_returned() -> errors.BadReply:
    return errors.BadReply(
        _('The response contains the token of this login'),
        _('The response is not shown. Do not trust this endpoint.'),
    )


def segment(image_id: str) -> str:
    """An image's ID as a quoted segment of a path.

    The ID may come from a node, and may be any text.

    :raises errors.Refused: the ID would change the path, or cannot be
        encoded as UTF-8.
    """
    if images.is_encodable(image_id) and image_id not in ('.', '..'):
        return urllib.parse.quote(image_id, safe='')
    raise errors.Refused(_("'%s' is not an image ID") % image_id)


def _decode(content: bytes, secrets: Collection[str]) -> Any:
    """The value of a JSON text; None if the text is empty.

    :param secrets: texts that the value must not contain.
    :raises errors.BadReply: the text is not valid JSON, or contains a secret
        in JSON's escapes.
    """
    if not content:
        return None
    try:
        value = json.loads(content, parse_constant=_refuse_constant)
        # Without escapes, a search of the text has found all secrets.
        if b'\\' in content:
            text = json.dumps(value)
            if any(json.dumps(one)[1:-1] in text for one in secrets):
                raise _token_returned()
    except (ValueError, RecursionError) as error:
        raise errors.BadReply(
            _('The response is not valid JSON'), errors.CHECK_ENDPOINT
        ) from error
    return value


def _refuse_constant(_name: str) -> None:
    # Python accepts NaN and Infinity, which JSON does not have.
    raise ValueError
