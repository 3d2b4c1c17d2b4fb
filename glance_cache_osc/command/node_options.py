# SPDX-License-Identifier: Apache-2.0

"""The options that select nodes, for all commands."""

import argparse

from glance_cache_osc.command import options
from glance_cache_osc.i18n import _

_NODE_TIMEOUT = 30.0
_TIMEOUT_VARIABLE = 'OS_IMAGE_CACHE_NODE_TIMEOUT'


def add(
    parser: argparse.ArgumentParser, *, selects_nodes: bool = True
) -> None:
    """Add the options that select nodes, and their timeout.

    :param selects_nodes: False for the timeout alone.
    """
    if not selects_nodes:
        _add_timeout(parser)
        return
    group = parser.add_argument_group(
        _('nodes'),
        _(
            "Nodes are configured in clouds.yaml as 'image_cache_nodes'. If "
            "none are configured, the cloud's image endpoint is the only node."
        ),
    )
    group.add_argument(
        '--node',
        metavar='<node>',
        action='append',
        default=[],
        help=_(
            'Use this node: a name from clouds.yaml, a node set such as '
            "oslo-[1-3], a glob on names, with '*' and '?', a URL, or "
            'host[:port] if no nodes are configured (repeat for several '
            'nodes)'
        ),
    )
    group.add_argument(
        '--site',
        metavar='<site>',
        action='append',
        default=[],
        help=_(
            'Use the nodes of this site: a name, a set such as oslo-[1-3], or '
            "a glob on names, with '*' and '?' (repeat for several sites)"
        ),
    )
    group.add_argument(
        '--exclude-node',
        metavar='<node>',
        action='append',
        default=[],
        help=_(
            'Exclude this node: a name, a node set or a glob on names (repeat '
            'for several nodes)'
        ),
    )
    group.add_argument(
        '--all-nodes',
        action='store_true',
        help=_('Use all nodes in clouds.yaml'),
    )
    _add_timeout(group)
    group.add_argument(
        '--allow-unreachable',
        metavar='<number>',
        type=_share,
        help=_(
            'Report up to this many unreachable nodes, or this percentage of '
            'the nodes (such as 5%%), as warnings that do not change the exit '
            'code (default: 0)'
        ),
    )


def _add_timeout(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        '--node-timeout',
        metavar='<seconds>',
        type=options.seconds,
        help=_(
            'Fail if a node sends nothing for this many seconds (default: '
            '%(default)g, or the value of %(variable)s)'
        )
        % {'default': _NODE_TIMEOUT, 'variable': _TIMEOUT_VARIABLE},
    )


def timeout(parsed_args: argparse.Namespace) -> float:
    """The timeout of requests to a node, in seconds.

    :raises errors.UsageError: the value in the environment is not valid.
    """
    if parsed_args.node_timeout is not None:
        return float(parsed_args.node_timeout)
    return options.from_environment(
        _TIMEOUT_VARIABLE, options.seconds, _NODE_TIMEOUT
    )


def _share(text: str) -> tuple[int, bool]:
    """A number, and whether it is a percentage."""
    number = text.removesuffix('%')
    if not (number.isascii() and number.isdigit()) or (
        number != text and int(number) > 100
    ):
        raise argparse.ArgumentTypeError(
            _(
                "'%s' is not valid. Use a whole number, or a percentage from "
                '0%% to 100%%.'
            )
            % text
        )
    return int(number), number != text
