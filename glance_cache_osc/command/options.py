# SPDX-License-Identifier: Apache-2.0

"""Options that several commands share, and the parsing of their values."""

import argparse
from collections.abc import Callable
import contextlib
import datetime
import re
from typing import TypeVar

from osc_lib import utils
from oslo_utils import strutils

from glance_cache_osc import errors
from glance_cache_osc.command import files
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import selection

_Value = TypeVar('_Value')
_DURATION = re.compile(r'(\d+(?:\.\d+)?)([smhdw])')
_SECONDS = {'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}
_SIZE = re.compile(r'(\d+(?:\.\d+)?)(k|[KMGT]i?)?B?')


class Once(argparse.Action):
    """Stores a value. The option is rejected if it is given again."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            raise argparse.ArgumentError(self, _('given more than once'))
        setattr(namespace, self.dest, values)


def add_filter_options(
    parser: argparse.ArgumentParser, *, queued: bool = True
) -> None:
    """Add the options that filter entries.

    :param queued: whether the command handles queued entries, too.
    """
    text = _('Entries must match all given filters.')
    if queued:
        both = _('--cached together with --queued selects both.')
        text = f'{text} {both}'
    group = parser.add_argument_group(_('filters'), text)
    for option, text in (
        ('--cached', _('Only entries whose data is in the cache')),
        ('--queued', _('Only entries that are queued and not cached yet')),
        (
            '--orphans',
            _('Only entries whose image this login cannot find in Glance'),
        ),
        ('--unused', _('Only cached entries that were never served')),
    ):
        if queued or option != '--queued':
            group.add_argument(option, action='store_true', help=text)
    group.add_argument(
        '--older-than',
        action=Once,
        metavar='<duration>',
        type=_duration,
        help=_(
            'Only cached entries that were not used for this time. Time of '
            'use: last served, or cached if never served. A number with s, m, '
            'h, d or w, such as 30d'
        ),
    )
    group.add_argument(
        '--larger-than',
        action=Once,
        metavar='<size>',
        type=size,
        help=_(
            'Only cached entries larger than this many bytes: a number, or '
            'one with k, M, G, T (powers of 1000) or Ki, Mi, Gi, Ti (powers '
            'of 1024), such as 10G'
        ),
    )


def filters(parsed_args: argparse.Namespace) -> selection.Filters:
    """The filters of the command line."""
    return selection.Filters(
        states=frozenset(
            state
            for state in entries.State
            if getattr(parsed_args, state, False)
        ),
        orphans=parsed_args.orphans,
        unused=parsed_args.unused,
        older_than=parsed_args.older_than,
        larger_than=parsed_args.larger_than,
    )


def add_images(parser: argparse.ArgumentParser, help_text: str) -> None:
    """Add the argument for images: IDs, names and globs."""
    parser.add_argument(
        'images', metavar='<image>', nargs='*', type=not_empty, help=help_text
    )


def add_image_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select images by tag, property or file."""
    parser.add_argument(
        '--tag',
        metavar='<tag>',
        type=not_empty,
        action='append',
        default=[],
        help=_('Images with this tag (repeat to require several tags)'),
    )
    parser.add_argument(
        '--property',
        metavar='<key=value>',
        type=_key_value,
        action='append',
        default=[],
        help=_(
            'Images with this property (repeat to require several properties; '
            'images must also have all tags)'
        ),
    )
    parser.add_argument(
        '--from-file',
        metavar='<file>',
        action='append',
        default=[],
        help=_(
            'File with one image per line; empty lines and lines that start '
            "with '#' are ignored; '-' is standard input (repeat for several "
            'files)'
        ),
    )


def image_words(parsed_args: argparse.Namespace) -> list[str]:
    """The IDs, names and globs of the command line and of ``--from-file``.

    :raises errors.UsageError: the command line selects no image, or the file
        cannot be read.
    """
    words = list(parsed_args.images)
    for path in dict.fromkeys(parsed_args.from_file):
        if not (listed := _read_names(path)):
            raise errors.UsageError(_("'%s' contains no images") % path)
        words += listed
    if not (words or parsed_args.tag or parsed_args.property):
        has_policy = hasattr(parsed_args, 'policy')
        more = ', --from-file or --policy' if has_policy else ' or --from-file'
        remedy = _('Specify images by ID, name, --tag, --property%s.') % more
        raise errors.UsageError(_('No images specified'), remedy)
    return words


def from_environment(
    variable: str, parse: Callable[[str], _Value], default: _Value
) -> _Value:
    """The value of an environment variable; the default if it is empty.

    :raises errors.UsageError: the value is not valid.
    """
    text = utils.env(variable)
    try:
        return parse(text) if text else default
    except argparse.ArgumentTypeError as error:
        raise errors.UsageError(f'{variable}: {error}') from error


def _read_names(path: str) -> list[str]:
    """The lines of a file, without empty lines and comments.

    :raises errors.UsageError: the file cannot be read, or is not text.
    """
    lines = (line.strip() for line in files.read(path).split('\n'))
    return [line for line in lines if line and not line.startswith('#')]


def add_approval_options(
    parser: argparse.ArgumentParser,
) -> argparse._MutuallyExclusiveGroup:
    """Add ``--dry-run`` and ``--auto-approve``, which exclude each other."""
    group = parser.add_mutually_exclusive_group()
    add_dry_run(group)
    _add_auto_approve(group, _('Do not ask for confirmation'))
    return group


def add_plan_options(
    parser: argparse.ArgumentParser,
) -> argparse._MutuallyExclusiveGroup:
    """Add these options to a command that never asks for confirmation."""
    group = parser.add_mutually_exclusive_group()
    add_dry_run(group)
    _add_auto_approve(
        group,
        _('Has no effect: this command never asks for confirmation'),
    )
    return group


def _add_auto_approve(
    group: argparse._MutuallyExclusiveGroup, help_text: str
) -> None:
    group.add_argument('--auto-approve', action='store_true', help=help_text)


def add_dry_run(parser: argparse._ActionsContainer) -> None:
    """Add ``--dry-run``."""
    parser.add_argument(
        '--dry-run',
        action='store_true',
        help=_('Show the plan and change nothing'),
    )


def seconds(text: str) -> float:
    """Parse a number of seconds greater than 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(
            _("'%s' is not a number of seconds greater than 0") % text
        )
    return number


def seconds_or_none(text: str) -> float:
    """Parse a number of seconds; 0 means no limit."""
    if text.strip() in ('0', '0.0'):
        return 0.0
    try:
        return seconds(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(
            _("'%s' is not a number of seconds. Use 0 or a greater number.")
            % text
        ) from error


def count(text: str) -> int:
    """Parse a whole number greater than 0."""
    if not (text.isascii() and text.isdigit()) or not int(text):
        raise argparse.ArgumentTypeError(
            _("'%s' is not a whole number greater than 0") % text
        )
    return int(text)


def _duration(text: str) -> datetime.timedelta:
    match = _DURATION.fullmatch(text)
    try:
        if match:
            return datetime.timedelta(
                seconds=float(match[1]) * _SECONDS[match[2]]
            )
    except OverflowError:
        pass
    raise argparse.ArgumentTypeError(
        _("'%s' is not a duration such as 45s, 90m, 12h, 30d or 2w") % text
    )


def size(text: str) -> int:
    """Parse a size, and return it in bytes."""
    if _SIZE.fullmatch(text):
        with contextlib.suppress(OverflowError):
            number: int = strutils.string_to_bytes(
                f'{text.rstrip("B")}B', unit_system='mixed', return_int=True
            )
            return number
    raise argparse.ArgumentTypeError(
        _("'%s' is not a size such as 500M, 10G or 2Gi") % text
    )


def not_empty(text: str) -> str:
    """Parse a text that must not be empty."""
    if not text:
        raise argparse.ArgumentTypeError(_('The value is empty'))
    return text


def _key_value(text: str) -> tuple[str, str]:
    key, sign, value = text.partition('=')
    if not key or not sign:
        raise argparse.ArgumentTypeError(
            _("'%s' is not of the form key=value") % text
        )
    return key, value
