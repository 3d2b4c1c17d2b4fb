# SPDX-License-Identifier: Apache-2.0

"""Checks that a node is configured so that its cache helps."""

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

#: Looks at a node's list, each on a new connection.
_LOOKS = 6
#: Seconds that a clock may be off, and days that a certificate must last.
_MAX_DRIFT = 60
_MIN_DAYS = 30
_DAY = 86400


class Outcome(enum.StrEnum):
    """What a check showed."""

    OK = 'ok'
    WARNING = 'warning'
    ERROR = 'error'
    UNKNOWN = 'unknown'


class Name(enum.StrEnum):
    """The checks, in the order of their rows."""

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

    :param routine: an outcome that says nothing about the node.
    """

    name: Name
    outcome: Outcome
    details: str = ''
    routine: bool = False


@dataclasses.dataclass(slots=True)
class Report:
    """What is known of one node.

    :param held: its list; None if it could not be read.
    :param failure: why the node could not be asked.
    """

    checks: list[Check] = dataclasses.field(default_factory=list)
    held: list[entries.Entry] | None = None
    failure: errors.NodeError | None = None

    def add(self, name: Name, outcome: Outcome, details: str = '') -> None:
        """Add a check."""
        self.checks.append(Check(name, outcome, details))


async def check(
    member: fleet.Member,
    knows: Callable[[http.NodeClient], Awaitable[bool | None]],
) -> Report:
    """Check one node by itself.

    :param knows: whether it knows an image of the cloud; None for unknown.
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
        report.checks.append(await _cloud(member.client, knows))
    return report


async def _check_cache(
    report: Report, member: fleet.Member, fresh: http.NodeClient
) -> None:
    """Read the list several times, each on a new connection."""
    # Only hashes: six lists of each node are more than need be kept.
    looks: list[int] = []
    try:
        report.held = await member.driver.list_entries()
        while len(looks) < _LOOKS:
            looks.append(await look(fresh))
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
        report.checks.append(_single(looks))


async def _cloud(
    client: http.NodeClient,
    knows: Callable[[http.NodeClient], Awaitable[bool | None]],
) -> Check:
    try:
        known = await knows(client)
    except errors.CacheError as error:
        return Check(Name.CLOUD, Outcome.UNKNOWN, str(error))
    if known is None:
        return Check(
            Name.CLOUD,
            Outcome.UNKNOWN,
            _('The cloud has no image for this check'),
        )
    if known:
        return Check(Name.CLOUD, Outcome.OK)
    return Check(
        Name.CLOUD,
        Outcome.ERROR,
        _(
            'The node cannot find an image of this cloud. Check that the '
            'endpoint belongs to this cloud and region.'
        ),
    )


async def look(fresh: http.NodeClient) -> int:
    """A hash of the list of a node, read on a new connection."""
    return hash(frozenset(await choosing.connect(fresh).list_entries()))


def alternates(looks: Sequence[int]) -> bool:
    """Whether lists alternate: A, B, A."""
    seen = [one for one, __ in itertools.groupby(looks)]
    return len(set(seen)) < len(seen)


def _single(looks: Sequence[int]) -> Check:
    if alternates(looks):
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
        routine=True,
    )


def _clock(date: str | None, now: float) -> Check:
    """Compare the header Date with this machine's clock."""
    try:
        then = email.utils.parsedate_to_datetime(date or '')
        # A date without a zone is GMT in HTTP.
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
    """Whether the TLS certificate lasts; nothing without TLS."""
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


def twins(
    reports: Mapping[fleet.Member, Report], *, strict: bool = False
) -> list[list[fleet.Member]]:
    """Groups of nodes whose lists agree in every ID and time of caching.

    :param strict: in every Hits and time of access as well.
    """
    groups: dict[frozenset[Any], list[fleet.Member]] = {}
    for member, report in reports.items():
        held = report.held or ()
        if any(one.state is entries.State.CACHED for one in held):
            key = frozenset(held) if strict else fills_of(held)
            groups.setdefault(key, []).append(member)
    return [group for group in groups.values() if len(group) > 1]


def fills_of(held: Iterable[entries.Entry]) -> frozenset[Any]:
    """What the lists of two nodes have in common if they are one list."""
    return frozenset(
        (one.image_id, one.last_modified)
        for one in held
        if one.state is entries.State.CACHED
    )
