# SPDX-License-Identifier: Apache-2.0

"""``openstack image delete --store``: delete the data in one store only.

OpenStackClient provides the command and its option ``--store``. A hook of
cliff runs this module before the command if ``--store`` is given. First of
all, the hook removes the images from the arguments, so that OpenStackClient's
command never deletes an image.
"""

import argparse
import logging

from cliff import hooks

from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import options
from glance_cache_osc.command import runner
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import attempt
from glance_cache_osc.transport import loop as loops

_LOG = logging.getLogger(__name__)
_WORKERS = 16
#: The timeout of requests to Keystone, in seconds.
_TIMEOUT = 30.0


class DeleteFromStore(hooks.CommandHook):
    """Handles ``--store`` instead of ``openstack image delete``."""

    _code: int | None = None

    def get_parser(
        self, parser: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        # Of several stores, argparse's default action would use the last.
        parser.register('action', None, options.Once)
        return parser

    def get_epilog(self) -> str:
        return _(
            'With --store, the data of each image is deleted from that store, '
            'and the image stays; the glance-cache-osc plugin provides this '
            'option. Example: openstack image delete --store cheap '
            'ubuntu-24.04'
        )

    def before(self, parsed_args: argparse.Namespace) -> argparse.Namespace:
        """Delete from the store, if ``--store`` is given."""
        store: str | None = getattr(parsed_args, 'store', None)
        if store is None:
            return parsed_args
        words, parsed_args.images = parsed_args.images, []
        # OpenStackClient would request the versions of Glance.
        self.cmd.take_action = (  # type: ignore[method-assign]
            lambda parsed_args: 0  # noqa: ARG005
        )
        self._code = self._delete(store, words)
        return parsed_args

    def after(self, parsed_args: argparse.Namespace, return_code: int) -> int:
        """The exit code: that of the hook, if it deleted."""
        return return_code if self._code is None else self._code

    def _delete(self, store: str, words: list[str]) -> int:
        """Delete the data of images from a store; returns the exit code."""
        failures = report.Failures()
        failed = attempted = 0

        def work(loop: loops.Loop, cloud: clouds.Cloud) -> None:
            nonlocal failed, attempted
            failed, attempted = loop.run(
                _attempt(loop, cloud, store, words, failures)
            )

        code = runner.run(self.cmd.app, _LOG, failures, _TIMEOUT, work)
        if failed > 0:
            _LOG.error(
                _(
                    'Failed to delete %(failed)d of %(attempted)d images '
                    "from store '%(store)s'."
                ),
                {'failed': failed, 'attempted': attempted, 'store': store},
            )
        return code


async def _attempt(
    loop: loops.Loop,
    cloud: clouds.Cloud,
    store: str,
    words: list[str],
    failures: report.Failures,
) -> tuple[int, int]:
    """Delete the data of all images.

    :returns: the number of failures and of all attempts.
    :raises errors.UsageError: the cloud has no such store.
    """
    stores = await cloud.image_stores()
    known = await stores.names()
    if store not in known:
        # Check this before sending a change.
        raise errors.UsageError(
            _("There is no store '%s'") % store,
            _('Available: %s.') % ', '.join(known),
        )
    resolution = await cloud.catalogue().resolve(words, globs=False)
    what = _("Cannot delete image %(image)s from store '%(store)s'")
    for word, error in resolution.failures.items():
        failures.add(what % {'image': f"'{word}'", 'store': store}, error)
    loop.has_changes = True
    outcomes = await attempt.attempt(
        lambda image: stores.delete(image, store),
        resolution.found,
        group=lambda _image: store,
        group_limit=_WORKERS,
        settle=lambda busy: _LOG.warning(
            _(
                'Interrupted. Waiting for deletions in progress (%d); press '
                'Ctrl-C again to stop at once.'
            ),
            len(busy),
        ),
    )
    for outcome in outcomes:
        if outcome.error:
            named = {'image': outcome.job.label, 'store': store}
            failures.add(what % named, outcome.error)
    unresolved = len(resolution.failures)
    tried = [
        one
        for one in outcomes
        if not isinstance(one.error, errors.Interrupted)
    ]
    failed = sum(one.error is not None for one in tried)
    return failed + unresolved, len(tried) + unresolved
