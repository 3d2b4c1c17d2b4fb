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
