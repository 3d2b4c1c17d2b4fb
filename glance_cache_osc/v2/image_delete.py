# SPDX-License-Identifier: Apache-2.0

"""``openstack image delete --store``: out of one store, and never more.

The command is OpenStackClient's own, and so is its option ``--store``; cliff
lets another package put a hook before it. The hook acts when ``--store`` was
given. It leaves OpenStackClient's command no image first, before anything
else can happen, so that on no path it deletes one.
"""

import argparse
import logging

from cliff import hooks

from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import frame
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import attempt
from glance_cache_osc.transport import loop as loops

_LOG = logging.getLogger(__name__)
_WORKERS = 16
#: Seconds that Keystone may take.
_TIMEOUT = 30.0


class DeleteFromStore(hooks.CommandHook):
    """Takes ``--store`` over from ``openstack image delete``."""

    _code: int | None = None

    def get_parser(
        self, parser: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        return parser

    def get_epilog(self) -> str:
        return _(
            'With --store, the data of each image is deleted from that store, '
            'and the image stays; the glance-cache-osc plugin provides this '
            'option. Example: openstack image delete --store cheap '
            'ubuntu-24.04'
        )

    def before(self, parsed_args: argparse.Namespace) -> argparse.Namespace:
        """Do what ``--store`` asks for, instead of OpenStackClient."""
        store: str | None = getattr(parsed_args, 'store', None)
        if store is None:
            return parsed_args
        words, parsed_args.images = parsed_args.images, []
        self._code = self._delete(store, words)
        return parsed_args

    def after(self, parsed_args: argparse.Namespace, return_code: int) -> int:
        """The exit code: ours, if we did the work."""
        return return_code if self._code is None else self._code

    def _delete(self, store: str, words: list[str]) -> int:
        """Take images out of a store; returns the exit code."""
        failures = report.Failures()
        done = attempted = 0

        def work(loop: loops.Loop, cloud: clouds.Cloud) -> None:
            nonlocal done, attempted
            done, attempted = loop.run(
                _attempt(loop, cloud, store, words, failures)
            )

        code = frame.run(self.cmd.app, _LOG, failures, _TIMEOUT, work)
        if attempted > done:
            _LOG.error(
                _(
                    'Failed to delete %(failed)d of %(attempted)d images '
                    "from store '%(store)s'."
                ),
                {
                    'failed': attempted - done,
                    'attempted': attempted,
                    'store': store,
                },
            )
        return code


async def _attempt(
    loop: loops.Loop,
    cloud: clouds.Cloud,
    store: str,
    words: list[str],
    failures: report.Failures,
) -> tuple[int, int]:
    """Attempt all images; returns how many were done, and attempted."""
    stores = await cloud.stores()
    known = await stores.names()
    if store not in known:
        # Before anything is sent to it.
        raise errors.UsageError(
            _("There is no store '%s'") % store,
            _('Available: %s.') % ', '.join(known),
        )
    resolution = await cloud.catalogue().resolve(words, globs=False)
    what = _("Cannot delete image '%(image)s' from store '%(store)s'")
    for word, error in resolution.failures.items():
        failures.add(what % {'image': word, 'store': store}, error)
    loop.has_changes = True
    outcomes = await attempt.attempt(
        lambda image: stores.delete(image, store),
        resolution.found,
        group=lambda _image: store,
        group_limit=_WORKERS,
        settle=lambda busy: _LOG.warning(
            _(
                'Interrupted. Waiting for %d deletions in progress; press '
                'Ctrl-C again to stop at once.'
            ),
            len(busy),
        ),
    )
    for outcome in outcomes:
        if outcome.error:
            named = {'image': outcome.job.label, 'store': store}
            failures.add(what % named, outcome.error)
    done = sum(one.error is None for one in outcomes)
    return done, len(outcomes) + len(resolution.failures)
