# SPDX-License-Identifier: Apache-2.0

"""Run the work of a command: login, Ctrl-C, failures, exit code."""

from collections.abc import Callable
import datetime
import logging
from typing import Any

from keystoneauth1 import session as ksa_session

from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import engine as engines
from glance_cache_osc.transport import loop as loops

USAGE_EXIT = 2
#: The text of Python's SystemError in place of a MemoryError for which there
#: was no memory.
_LOST = 'error return without exception set'


def run(
    app: Any,
    log: logging.Logger,
    failures: report.Failures,
    timeout: float,
    work: Callable[[loops.Loop, clouds.Cloud], object],
) -> int:
    """Run the work of a command, and log its failures.

    :param app: the application object of cliff.
    :param failures: collects the failures of the work, which are logged at the
        end.
    :param timeout: the timeout of requests to Keystone, in seconds.
    :param work: called with the event loop and the cloud of the login.
    :returns: the exit code.
    """
    with loops.Loop() as loop:
        cloud = clouds.Cloud.logged_in(
            app.client_manager, loop.engine, timeout
        )
        log.info(
            _('Request ID of this command in the logs of Glance: %s'),
            loop.engine.request_id,
        )
        if app.options.timing:
            loop.engine.observer = _timing(app)
        try:
            work(loop, cloud)
        except KeyboardInterrupt:
            failures.interrupt()
            if loop.has_changes:
                failures.remark(_('Some changes are not listed.'))
        except errors.CacheError as error:
            failures.report(log)
            log.error(report.line_of(error))
            return USAGE_EXIT if isinstance(error, errors.UsageError) else 1
        except (MemoryError, SystemError) as error:
            if isinstance(error, SystemError) and str(error) != _LOST:
                raise
            if loop.has_changes:
                failures.remark(_('Some changes are not listed.'))
            failures.report(log)
            log.error(
                _(
                    'Out of memory. Select fewer nodes, or raise the memory '
                    'limit.'
                )
            )
            return 1
        except BaseException:
            # For example, a closed pipe as standard output.
            failures.report(log)
            raise
        if loop.interrupted:
            failures.interrupt()
        return failures.report(log)


def _timing(app: Any) -> Callable[[engines.Request, engines.Response], None]:
    """An observer that adds requests to the list of ``--timing``."""
    timings = app.client_manager.session.get_timings()

    def add(request: engines.Request, response: engines.Response) -> None:
        timings.append(
            ksa_session.RequestTiming(
                method=request.method,
                url=request.url,
                elapsed=datetime.timedelta(seconds=response.elapsed),
            )
        )

    return add
