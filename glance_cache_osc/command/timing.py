# SPDX-License-Identifier: Apache-2.0

"""What ``openstack --timing`` lists of our requests."""

import datetime
from typing import Any

from keystoneauth1 import session as ksa_session

from glance_cache_osc.transport import engine as engines


def collect(app: Any, engine: engines.Engine) -> None:
    """Add our requests to those of OpenStackClient, if they are listed.

    :param app: the program, as commands and hooks have it.
    """
    if not app.options.timing:
        return
    timings = app.client_manager.session.get_timings()

    def add(request: engines.Request, response: engines.Response) -> None:
        timings.append(
            ksa_session.RequestTiming(
                method=request.method,
                url=request.url,
                elapsed=datetime.timedelta(seconds=response.elapsed),
            )
        )

    engine.observer = add
