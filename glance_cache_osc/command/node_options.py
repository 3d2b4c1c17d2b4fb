# SPDX-License-Identifier: Apache-2.0

"""The options that select nodes, for all commands."""

import argparse

from osc_lib import utils

from glance_cache_osc.command import options
from glance_cache_osc.i18n import _

_NODE_TIMEOUT = 30.0
_TIMEOUT_VARIABLE = 'OS_IMAGE_CACHE_NODE_TIMEOUT'
#: The default of --allow-unreachable: the number 0, which is not a percentage.
_NONE = (0, False)


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options that select nodes."""
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
            "oslo-[1-3], a glob of '*' and '?' on names, a URL, or "
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
            "a glob of '*' and '?' (repeat for several sites)"
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
    group.add_argument(
        '--node-timeout',
        metavar='<seconds>',
        type=options.seconds,
        default=utils.env(_TIMEOUT_VARIABLE, default=_NODE_TIMEOUT),
        help=_(
            'Fail if a node sends nothing for this many seconds (default: '
            '%(default)g, or the value of %(variable)s)'
        )
        % {'default': _NODE_TIMEOUT, 'variable': _TIMEOUT_VARIABLE},
    )
    group.add_argument(
        '--allow-unreachable',
        metavar='<number>',
        type=_share,
        default=_NONE,
        help=_(
            'Report up to this many unreachable nodes, or this percentage of '
            'the nodes (such as 5%%), as warnings that do not change the exit '
            'code (default: 0)'
        ),
    )


def _share(text: str) -> tuple[int, bool]:
    """A number, and whether it is a percentage."""
    number = text.removesuffix('%')
    if not (number.isascii() and number.isdigit()) or (
        number != text and int(number) > 100
    ):
        raise argparse.ArgumentTypeError(
            _("'%s' is not a whole number or a percentage such as 5%%") % text
        )
    return int(number), number != text
