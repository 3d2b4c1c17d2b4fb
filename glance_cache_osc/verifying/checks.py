# SPDX-License-Identifier: Apache-2.0

"""Checks that a node is configured so that caching helps."""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
import email.utils
import enum
import itertools
import ssl
import time
from typing import Any

from glance_cache_osc import errors
from glance_cache_osc.drivers import choosing
from glance_cache_osc.drivers import http
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries

#: How often the list of a node is read, each time on a new connection.
_LIST_READS = 6
#: The largest accepted difference of clocks, in seconds, and the shortest
#: accepted validity of a certificate, in days.
_MAX_DRIFT = 60
_MIN_DAYS = 30
_DAY = 86400


class Outcome(enum.StrEnum):
    """The outcome of a check."""

    OK = 'ok'
    WARNING = 'warning'
    ERROR = 'error'
    UNKNOWN = 'unknown'


class Name(enum.StrEnum):
    """The names of the checks, in the order of their rows."""

    RESPONDS = 'responds'
    CACHE = 'cache'
    LIST = 'list permission'
    CHANGE = 'change permission'
    CLOUD = 'cloud'
    SERVING = 'serving'
    OWN_LIST = 'own list'
    SINGLE = 'single node'
    CLOCK = 'clock'
    CERTIFICATE = 'certificate'


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """One check of one node.

    :param details: a message for the user; may be empty.
    :param long_only: list the check only with ``--long``, because its outcome
        is normal and reveals nothing about the node.
    """

    name: Name
    outcome: Outcome
    details: str = ''
    long_only: bool = False


@dataclasses.dataclass(slots=True)
class Report:
    """The checks of one node.

    :param held: the entries of the node; None if they could not be read.
    :param failure: the error that prevented further checks.
    """

    checks: list[Check] = dataclasses.field(default_factory=list)
    held: list[entries.Entry] | None = None
    failure: errors.NodeError | None = None

    def add(self, name: Name, outcome: Outcome, details: str = '') -> None:
        """Add the outcome of a check."""
        self.checks.append(Check(name, outcome, details))


async def check(
    member: fleet.Member,
    has_image: Callable[[http.NodeClient], Awaitable[bool | None]],
) -> Report:
    """Run the checks that concern one node alone.

    :param has_image: returns whether the node finds an image of its cloud;
        None if the cloud has no image for this check.
    """
    report = Report()
    fresh = member.client.reconnecting()
    try:
        version = await member.driver.api_version()
        response = await fresh.send('GET', '/versions', authenticated=False)
    except (errors.NotGlance, errors.BadReply, errors.Refused) as error:
        report.add(Name.RESPONDS, Outcome.ERROR, str(error))
        return report
    except errors.NodeError as error:
        report.add(Name.RESPONDS, Outcome.ERROR, str(error))
        report.failure = error
        return report
    report.add(Name.RESPONDS, Outcome.OK, _('Images API %s') % version)
    report.checks += [
        _clock(response.headers.get('date'), time.time()),
        *_certificate(response.expires, time.time()),
    ]
    await _check_cache(report, member, fresh)
    if report.held is not None:
        report.checks.append(await _cloud(member.client, has_image))
    return report


async def _check_cache(
    report: Report, member: fleet.Member, fresh: http.NodeClient
) -> None:
    """Check the cache, the permission to list, and for a single node.

    Reads the list of the node several times, each time on a new connection.
    """
    # Keep hashes only: six lists of each node would use much memory.
    hashes: list[int] = []
    try:
        report.held = await member.driver.list_entries()
        while len(hashes) < _LIST_READS:
            hashes.append(hash(await read_list(fresh)))
    except errors.Forbidden as error:
        report.add(Name.CACHE, Outcome.OK)
        report.add(Name.LIST, Outcome.ERROR, str(error))
    except (errors.CachingOff, errors.TooOld, errors.BadReply) as error:
        report.add(Name.CACHE, Outcome.ERROR, str(error))
    except errors.NodeError as error:
        report.add(Name.LIST, Outcome.UNKNOWN, str(error))
        report.failure = error
    else:
        report.add(Name.CACHE, Outcome.OK)
        report.add(Name.LIST, Outcome.OK)
        report.checks.append(_single(hashes))


async def _cloud(
    client: http.NodeClient,
    has_image: Callable[[http.NodeClient], Awaitable[bool | None]],
) -> Check:
    try:
        found = await has_image(client)
    except errors.CacheError as error:
        return Check(Name.CLOUD, Outcome.UNKNOWN, str(error))
    if found is None:
        return Check(
            Name.CLOUD,
            Outcome.UNKNOWN,
            _('The cloud has no image for this check'),
        )
    if found:
        return Check(Name.CLOUD, Outcome.OK)
    return Check(
        Name.CLOUD,
        Outcome.ERROR,
        _(
            'The node cannot find an image of this cloud. Check that the '
            'endpoint belongs to this cloud and region.'
        ),
    )


async def read_list(fresh: http.NodeClient) -> frozenset[entries.Entry]:
    """Read the list of a node.

    :param fresh: a client that opens a new connection for each request.
    """
    return frozenset(await choosing.connect(fresh).list_entries())


def alternates(hashes: Sequence[int]) -> bool:
    """Whether a list is seen again after another one: A, B, A.

    :param hashes: the hashes of the lists, in the order of the reads.
    """
    seen = [one for one, __ in itertools.groupby(hashes)]
    return len(set(seen)) < len(seen)


def _single(hashes: Sequence[int]) -> Check:
    if alternates(hashes):
        return Check(
            Name.SINGLE,
            Outcome.ERROR,
            _(
                'Responses alternate between different lists: several nodes '
                'are behind this endpoint. Configure an endpoint for each '
                'node.'
            ),
        )
    return Check(
        Name.SINGLE,
        Outcome.UNKNOWN,
        _('No sign of several nodes behind this endpoint'),
        long_only=True,
    )


def _clock(date: str | None, now: float) -> Check:
    """Compare the Date header of a response with the local clock.

    :param now: the time of the local clock, in seconds since 1970.
    """
    try:
        then = email.utils.parsedate_to_datetime(date or '')
        # In HTTP, a date without a time zone is in GMT.
        then = then.replace(tzinfo=then.tzinfo or datetime.UTC)
        drift = round(then.timestamp() - now)
    except (TypeError, ValueError, OverflowError, OSError):
        return Check(Name.CLOCK, Outcome.UNKNOWN, _('No valid Date header'))
    if abs(drift) <= _MAX_DRIFT:
        return Check(Name.CLOCK, Outcome.OK)
    return Check(
        Name.CLOCK,
        Outcome.WARNING,
        _('%d seconds off the clock of this machine. Check NTP on both.')
        % drift,
    )


def _certificate(expires: str, now: float) -> list[Check]:
    """Check the expiry of the TLS certificate; no check without TLS.

    :param expires: the end of its validity, as libcurl reports it.
    :param now: seconds since 1970.
    """
    if not expires:
        return []
    try:
        days = (ssl.cert_time_to_seconds(expires) - now) / _DAY
    except ValueError:
        return [Check(Name.CERTIFICATE, Outcome.UNKNOWN, expires)]
    details = _('expires on %s') % expires
    if days < 0:
        outcome = Outcome.ERROR
    elif days < _MIN_DAYS:
        outcome = Outcome.WARNING
    else:
        outcome = Outcome.OK
    return [Check(Name.CERTIFICATE, outcome, details)]


def nodes_with_same_list(
    reports: Mapping[fleet.Member, Report], *, strict: bool = False
) -> list[list[fleet.Member]]:
    """Groups of nodes with the same cached images and times of caching.

    :param strict: require also the same Hits, times of access, sizes and
        queued entries.
    """
    groups: dict[frozenset[Any], list[fleet.Member]] = {}
    for member, report in reports.items():
        held = report.held or ()
        if any(one.state is entries.State.CACHED for one in held):
            key = frozenset(held) if strict else list_key(held)
            groups.setdefault(key, []).append(member)
    return [group for group in groups.values() if len(group) > 1]


def list_key(held: Iterable[entries.Entry]) -> frozenset[Any]:
    """A key that is equal for nodes that share one list.

    It leaves out Hits and times of access, which change between two reads.
    """
    return frozenset(
        (one.image_id, one.last_modified)
        for one in held
        if one.state is entries.State.CACHED
    )
