# SPDX-License-Identifier: Apache-2.0

"""Logs requests and responses for `openstack --debug`.

The form is that of keystoneauth, which logs the requests of other commands.
A node may send any text: control characters are escaped, and the token is
hashed.
"""

from collections.abc import Iterable
import hashlib
import logging

from glance_cache_osc import columns
from glance_cache_osc.transport import transfer

_LOG = logging.getLogger(__name__)
#: The number of characters of a body that are logged.
_MAX_BODY = 16 * 2**10
#: Headers whose values are secrets.
_SECRET = frozenset({'x-auth-token', 'authorization'})


def is_shown() -> bool:
    """Whether a handler shows debug messages of this module.

    The levels of OpenStackClient's loggers pass all messages; the levels of
    its handlers decide.
    """
    logger: logging.Logger | None = _LOG
    if not _LOG.isEnabledFor(logging.DEBUG):
        return False
    # The levels of parent loggers do not apply to propagated messages.
    while logger:
        if any(handler.level <= logging.DEBUG for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


def sent(request: transfer.Request) -> None:
    """Log a request."""
    _LOG.debug('REQ: %s', _curl(request))


def received(request: transfer.Request, response: transfer.Response) -> None:
    """Log the response to a request."""
    _LOG.debug('RESP: %s', _head(request, response))
    _LOG.debug('RESP BODY: %s', _body(request, response))


def hide(text: str, secrets: Iterable[str]) -> str:
    """A text in which the secrets are replaced with their hashes."""
    for secret in secrets:
        text = text.replace(secret, _hashed(secret))
    return text


def _hashed(secret: str) -> str:
    return '{SHA256}' + hashlib.sha256(secret.encode()).hexdigest()


def _curl(request: transfer.Request) -> str:
    words = ['curl -g -i']
    if request.settings.verify is None:
        words.append('--insecure')
    words += ['-X', request.method, f'"{request.url}"']
    for key, value in sorted(request.headers.items()):
        shown = _hashed(value) if key.lower() in _SECRET else value
        words.append(f'-H "{key}: {shown}"')
    return columns.safe_text(hide(' '.join(words), request.secrets))


def _head(request: transfer.Request, response: transfer.Response) -> str:
    words = [f'[{response.status}]']
    words += [f'{key}: {value}' for key, value in response.headers.items()]
    return columns.safe_text(hide(' '.join(words), request.secrets))


def _body(request: transfer.Request, response: transfer.Response) -> str:
    text = response.body.decode(errors='replace')
    text = hide(text, request.secrets)
    return columns.safe_text(text[:_MAX_BODY])
