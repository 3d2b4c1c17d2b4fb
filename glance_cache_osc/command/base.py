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

"""What all commands have in common: nodes, rows, failures, approval."""

import argparse
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any
from typing import ClassVar
from typing import TypeVar

from osc_lib.command import command

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import help_text
from glance_cache_osc.command import options
from glance_cache_osc.command import progress
from glance_cache_osc.command import timing
from glance_cache_osc.fleet import choice
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan
from glance_cache_osc.transport import attempt
from glance_cache_osc.transport import loop as loops

_Value = TypeVar('_Value')
Member = fleet.Member
Rows = list[tuple[Any, ...]]
#: What nodes hold, in the order of the nodes.
Held = dict[Member, list[entries.Entry]]
#: What is to be done where.
Steps = list[tuple[Member, plan.Step]]

ID = columns.Column('ID')
NAME = columns.Column('Name')
STATE = columns.Column('State')
SIZE = columns.Column('Size', columns.Kind.SIZE)
NODE = columns.Column('Node')
ACTION = columns.Column('Action')
RESULT = columns.Column('Result')

_USAGE_EXIT = 2
#: So many nodes are named in a line.
_FEW_NODES = 3


class CacheLister(command.Lister):
    """A command that returns rows, and may fail in parts.

    A command is parsed, calls what does its work, and returns rows of
    values; what failed goes to `failures`. Rows are printed first, then
    each failure on a line; the exit code says whether there were any.
    """

    #: Whether the command changes caches.
    changes: ClassVar[bool] = True

    # cliff declares it as None alone.
    _epilog: str | None = None  # type: ignore[assignment]
    #: A command line, and what it is for.
    _example: ClassVar[str] = ''
    _example_of: ClassVar[str] = ''

    failures: report.Failures
    cloud: clouds.Cloud
    loop: loops.Loop

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The options that every command has."""
        parser = super().get_parser(prog_name)
        # An option must never mean another one once that is added.
        parser.allow_abbrev = False
        parser.formatter_class = help_text.paragraphs(parser.formatter_class)
        options.add_node_options(parser)
        return parser

    def get_epilog(self) -> str:
        """What stands below the help.

        cliff's own looks through all packages that are installed to say
        which one a command is from: a quarter of a second, every time.
        """
        parts = [
            self._epilog,
            self._example_of or _('Example:'),
            f'    {self._example}',
            _('This command is provided by the glance-cache-osc plugin.'),
        ]
        return '\n\n'.join(filter(None, parts))

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        """The columns of the rows."""
        raise NotImplementedError

    def rows(self, parsed_args: argparse.Namespace) -> Rows:
        """Do the work; return rows of values."""
        raise NotImplementedError

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        self.failures = report.Failures()
        with loops.Loop() as self.loop:
            self.cloud = clouds.Cloud(
                self.app.client_manager,
                self.loop.engine,
                parsed_args.node_timeout,
            )
            timing.collect(self.app, self.loop.engine)
            try:
                self._check_columns(parsed_args)
                super().run(parsed_args)
            except KeyboardInterrupt:
                self.failures.interrupt()
            except errors.CacheError as error:
                self.failures.tell(self.log)
                self.log.error(columns.safe_text(str(error)))
                return (
                    _USAGE_EXIT if isinstance(error, errors.UsageError) else 1
                )
            except BaseException:
                # There may be nobody who reads the rows.
                self.failures.tell(self.log)
                raise
            if self.loop.interrupted:
                self.failures.interrupt()
            return self.failures.tell(self.log)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Any]]:
        """What cliff calls: headers and rows."""
        rows = self.rows(parsed_args)
        return [one.header for one in self.columns_for(parsed_args)], rows

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
    ) -> int:
        """Write the rows in the format that was asked for."""
        self.formatter = columns.Rendering(
            self.formatter,
            parsed_args.formatter,
            self.columns_for(parsed_args),
        )
        code = super().produce_output(parsed_args, column_names, data)
        # Before the failures, also where both go to one file.
        self.app.stdout.flush()
        return int(code)

    def chosen_fleet(self, parsed_args: argparse.Namespace) -> fleet.Fleet:
        """The nodes that were named."""
        chosen = choice.choose(
            self.cloud,
            parsed_args.node,
            everything=parsed_args.all_nodes,
            changes=self.changes and not plans_only(parsed_args),
        )
        return fleet.Fleet(self.cloud, chosen, parsed_args.node_timeout)

    def shows(
        self, parsed_args: argparse.Namespace, column: columns.Column
    ) -> bool:
        """Whether a column is printed, or sorted by."""
        asked = [*parsed_args.columns, *parsed_args.sort_columns]
        return not parsed_args.columns or _normal(column.header) in map(
            _normal, asked
        )

    async def names(
        self, parsed_args: argparse.Namespace, image_ids: Iterable[str]
    ) -> dict[str, images.Image]:
        """Images by ID, if their names are shown.

        Names are a help: without them the rest is printed all the same.
        """
        if not self.shows(parsed_args, NAME):
            return {}
        try:
            return await self.cloud.catalogue().by_id(image_ids)
        except errors.CatalogueError as error:
            self.failures.add(_('The names are missing'), error)
            return {}

    async def look(self, members: fleet.Fleet) -> Held:
        """What the nodes hold; those that did not say are reported."""
        return await self.read(members, list)

    async def read(
        self,
        members: fleet.Fleet,
        digest: Callable[[list[entries.Entry]], _Value],
    ) -> dict[Member, _Value]:
        """What is made of what each node holds, or reported as failed.

        :param digest: is called as each answer comes: all that a fleet
            holds is more than need be kept.
        """

        async def ask(member: Member) -> list[_Value]:
            held = await member.driver.list_entries()
            limit.count(len(held))
            return [digest(held)]

        limit = entries.Limit()
        found: dict[Member, _Value] = {}
        for outcome in await self.ask(members, ask):
            if outcome.value:
                (found[outcome.job],) = outcome.value
            elif outcome.error:
                self.failures.add(
                    _('Cannot read the cache of %s') % outcome.job.node.label,
                    outcome.error,
                )
        return found

    async def ask(
        self,
        members: fleet.Fleet,
        question: Callable[[Member], Awaitable[_Value]],
    ) -> list[attempt.Outcome[Member, _Value]]:
        """Ask every node the same, all at once; outcomes in their order."""
        with progress.counting(_('Asking nodes'), len(members)) as counter:
            return await attempt.attempt(
                question, members, ended=counter.advance
            )

    async def change(
        self,
        members: Collection[Member],
        operation: Callable[[Member], Awaitable[_Value]],
    ) -> list[attempt.Outcome[Member, _Value]]:
        """Change nodes, all at once; outcomes in their order."""
        with progress.counting(_('Changing nodes'), len(members)) as counter:
            return await attempt.attempt(
                operation,
                members,
                ended=counter.advance,
                settle=lambda busy: counter.warn(_waits_for(busy)),
            )

    async def carry_out(
        self,
        steps: Steps,
        operation: Callable[[fleet.Job], Awaitable[None]],
        what: str,
    ) -> Steps:
        """Do what is to be done, many at a time.

        :param what: the failure's words, with ``%(image)s`` and
            ``%(node)s``.
        :returns: the steps without those that failed, which are reported.
        """
        jobs = {
            fleet.Job(member, step.image.image_id): step.image
            for member, step in steps
            if step.action in (plan.Action.QUEUE, plan.Action.DELETE)
        }
        with progress.counting(_('Changing entries'), len(jobs)) as counter:
            outcomes = await fleet.each(
                operation,
                jobs,
                ended=counter.advance,
                settle=lambda busy: counter.warn(
                    _waits_for([job.member for job in busy])
                ),
            )
        failed = set()
        for outcome in outcomes:
            if outcome.error:
                failed.add(outcome.job)
                words = {
                    'image': jobs[outcome.job].label,
                    'node': outcome.job.member.node.label,
                }
                self.failures.add(what % words, outcome.error)
        return [
            (member, step)
            for member, step in steps
            if fleet.Job(member, step.image.image_id) not in failed
        ]

    def _check_columns(self, parsed_args: argparse.Namespace) -> None:
        """Refuse unknown columns before anything is done.

        Others are put as they are written: cliff before 4.13 knows them by
        that alone.
        """
        headers = [one.header for one in self.columns_for(parsed_args)]
        known = {_normal(header): header for header in headers}
        for asked in (parsed_args.columns, parsed_args.sort_columns):
            asked[:] = [known.get(_normal(one), one) for one in asked]
        if parsed_args.columns and not set(headers) & {*parsed_args.columns}:
            raise errors.UsageError(
                _('No column is called %s') % ' or '.join(parsed_args.columns),
                _('There are: %s.') % ', '.join(headers),
            )


def _waits_for(members: Sequence[Member]) -> str:
    """What an interrupted command still waits for."""
    names = list(dict.fromkeys(member.node.name for member in members))
    return columns.safe_text(
        _(
            'Interrupted. Waiting for %(count)d requests in progress on '
            '%(nodes)s; press Ctrl-C again to stop at once.'
        )
        % {'count': len(members), 'nodes': few(names, _FEW_NODES)}
    )


def few(names: Sequence[str], most: int) -> str:
    """The first few of many names."""
    text = ', '.join(names[:most])
    more = len(names) - most
    if more > 0:
        return _('%(names)s and %(more)d more') % {'names': text, 'more': more}
    return text


def _normal(header: str) -> str:
    """A header as cliff compares them: ``last_accessed`` is one, too."""
    return header.lower().strip().replace(' ', '_')


def held_ids(held: Held) -> list[str]:
    """The IDs of all images that the nodes hold, each once."""
    ids = (one.image_id for group in held.values() for one in group)
    return list(dict.fromkeys(ids))


def plans_only(parsed_args: argparse.Namespace) -> bool:
    """Whether a command is to show what it would do, and not to do it."""
    return any(
        getattr(parsed_args, option, False) for option in ('dry_run', 'check')
    )
