#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Which nodes are meant, and one operation on all of them at once."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import difflib
import fnmatch
from typing import Generic
from typing import TypeVar

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import progress
from glance_cache_osc.drivers import base
from glance_cache_osc.fleet import node as nodes
from glance_cache_osc.i18n import _
from glance_cache_osc.model import images
from glance_cache_osc.transport import background
from glance_cache_osc.transport import parallel

#: Requests under way at once: to the whole fleet, and to a single node,
#: which serves not many more at a time.
_MOST_AT_ONCE = 256
_MOST_PER_NODE = 16

_Value = TypeVar('_Value')


@dataclasses.dataclass(frozen=True, eq=False)
class Member:
    """A node that was chosen, and the driver that speaks with it."""

    node: nodes.Node
    driver: base.CacheDriver


@dataclasses.dataclass(frozen=True)
class Job:
    """One image on one node."""

    member: Member
    image_id: str


class Fleet:
    """The nodes that a command works on.

    :param cloud: the cloud they belong to.
    :param chosen: the nodes, in the order in which they are reported.
    :param timeout: seconds that a node may be silent.
    """

    def __init__(
        self,
        cloud: clouds.Cloud,
        chosen: Sequence[nodes.Node],
        timeout: float,
    ) -> None:
        cloud.warn_of_plain_http(chosen)
        cloud.prepare(hosts=len(chosen), connections=_MOST_PER_NODE)
        self._members = [
            Member(one, one.connect(cloud.session, timeout)) for one in chosen
        ]

    def __len__(self) -> int:
        """How many nodes there are."""
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        """The nodes, in their order."""
        return iter(self._members)

    def ask(
        self,
        question: Callable[[Member], _Value],
    ) -> list[parallel.Outcome[Member, _Value]]:
        """Ask every node the same, all at once; outcomes in their order.

        :raises parallel.Interruption: the user did not want to wait.
        """
        with progress.counting(_('Asking nodes'), len(self)) as ended:
            return parallel.attempt(
                question, self._members, _MOST_AT_ONCE, ended=ended
            )

    def change(
        self,
        operation: Callable[[Member], _Value],
        members: Iterable[Member] | None = None,
    ) -> list[parallel.Outcome[Member, _Value]]:
        """Change nodes, all at once; outcomes in their order.

        :param members: which of them; all, if None.
        :raises parallel.Interruption: after what was under way had ended.
        """
        changed = self._members if members is None else list(members)
        with progress.counting(_('Changing nodes'), len(changed)) as ended:
            return parallel.attempt(
                operation, changed, _MOST_AT_ONCE, settle=True, ended=ended
            )

    def each(
        self, operation: Callable[[Job], _Value], jobs: Iterable[Job]
    ) -> list[parallel.Outcome[Job, _Value]]:
        """Change images on nodes; outcomes in the jobs' order.

        Nodes take turns. One that is silent, and has done nothing of what it
        was asked for, is not asked for the rest.

        :raises parallel.Interruption: after what was under way had ended.
        """
        todo = list(jobs)
        with progress.counting(_('Changing entries'), len(todo)) as ended:
            return parallel.attempt(
                _Asking(operation).ask,
                todo,
                self._workers,
                lane=lambda job: job.member,
                width=_MOST_PER_NODE,
                settle=True,
                ended=ended,
            )

    def crew(self) -> background.Background:
        """Who asks nodes, one by one, while something else goes on."""
        return background.Background(self._workers)

    @property
    def _workers(self) -> int:
        """How many requests may be under way at once."""
        return min(_MOST_AT_ONCE, _MOST_PER_NODE * len(self))


class _Asking(Generic[_Value]):
    """Asks nodes one thing after the other, until one stays silent."""

    def __init__(self, operation: Callable[[Job], _Value]) -> None:
        self._operation = operation
        self._answers: set[Member] = set()
        self._silent: dict[Member, errors.TimedOut] = {}

    def ask(self, job: Job) -> _Value:
        """Do one thing.

        :raises errors.NodeError: as the operation; or it was not done.
        """
        member = job.member
        if silence := self._silent.get(member):
            raise errors.NodeError(
                _('It was not asked, since it stays silent'), silence.remedy
            )
        try:
            value = self._operation(job)
        except errors.TimedOut as error:
            if member not in self._answers:
                self._silent[member] = error
            raise
        self._answers.add(member)
        self._silent.pop(member, None)
        return value


def choose(
    cloud: clouds.Cloud,
    named: Sequence[str],
    *,
    everything: bool,
    changes: bool,
) -> list[nodes.Node]:
    """The nodes that a command line means.

    :param named: what was given as ``--node``: names, globs on names, URLs
        or hosts.
    :param everything: whether ``--all-nodes`` was given.
    :param changes: whether the command changes something.
    :raises errors.UsageError: no nodes are meant, or what is named is none.
    """
    if everything and named:
        raise errors.UsageError(
            _('--node and --all-nodes exclude each other'),
            _('Give one of them.'),
        )
    configured = cloud.configured_nodes()
    if named:
        meant = [_meant_by(cloud, configured, word) for word in named]
        return _distinct(one for group in meant for one in group)
    if configured:
        if changes and not everything:
            raise errors.UsageError(
                _('This changes caches, and clouds.yaml names %d nodes')
                % len(configured),
                _('Say which are meant with --node or --all-nodes.'),
            )
        return _distinct(configured)
    endpoint = cloud.image_endpoint()
    if endpoint is None:
        raise errors.UsageError(
            _('This cloud has no image endpoint'),
            _('Name a node with --node.'),
        )
    return [nodes.Node(endpoint, endpoint)]


def _distinct(chosen: Iterable[nodes.Node]) -> list[nodes.Node]:
    """Each node once, in the order in which they were named."""
    by_endpoint: dict[str, nodes.Node] = {}
    for one in chosen:
        known = by_endpoint.setdefault(one.endpoint, one)
        if known.name != one.name:
            raise errors.UsageError(
                _("'%(one)s' and '%(other)s' are the same node: %(url)s")
                % {'one': known.name, 'other': one.name, 'url': one.endpoint},
                _('Give it one name.'),
            )
    return list(by_endpoint.values())


def _meant_by(
    cloud: clouds.Cloud, configured: Sequence[nodes.Node], word: str
) -> list[nodes.Node]:
    """The nodes that one ``--node`` means."""
    names = [one.name for one in configured]
    if word in names:
        return [configured[names.index(word)]]
    if images.is_glob(word) and not _is_address(word):
        found = [
            one for one in configured if fnmatch.fnmatchcase(one.name, word)
        ]
        if not found:
            raise _no_such_node(word, names)
        return found
    if configured and not any(mark in word for mark in ':.'):
        raise _no_such_node(word, names)
    base_url = None if '://' in word else cloud.image_endpoint()
    endpoint = nodes.parse_endpoint(word, base_url)
    for one in configured:
        if one.endpoint == endpoint:
            return [one]
    return [nodes.Node(word.rstrip('/'), endpoint)]


def _is_address(word: str) -> bool:
    """Whether it is a URL, or a host in the form that IPv6 has: ``[::1]``."""
    return '://' in word or word.startswith('[')


def _no_such_node(word: str, names: Sequence[str]) -> errors.UsageError:
    near = difflib.get_close_matches(word, names) or list(names)[:10]
    if not near:
        return errors.UsageError(
            _("'%s' matches no node: clouds.yaml names none") % word,
            _('Name them there, or give a URL.'),
        )
    return errors.UsageError(
        _("No node in clouds.yaml is called '%s'") % word,
        _('There is: %s. A host is given as host:port or as a URL.')
        % ', '.join(near),
    )
