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


"""How many lies are told.

``make test`` tells a few hundred, the same every time; ``make fuzz`` tells
20,000 others each time.
"""

import os

import hypothesis

from tests.cli.conftest import login
from tests.cli.conftest import openstack

__all__ = ['FEWER', 'PROFILE', 'login', 'openstack']

_CHECKS = [
    hypothesis.HealthCheck.function_scoped_fixture,
    hypothesis.HealthCheck.too_slow,
    hypothesis.HealthCheck.data_too_large,
]
hypothesis.settings.register_profile(
    'some-lies',
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=_CHECKS,
)
hypothesis.settings.register_profile(
    'fuzz',
    max_examples=20_000,
    deadline=None,
    suppress_health_check=_CHECKS,
)
PROFILE = hypothesis.settings.get_profile(
    os.environ.get('HYPOTHESIS_PROFILE', 'some-lies')
)
#: For whole commands, which take longer.
FEWER = hypothesis.settings(
    PROFILE, max_examples=max(30, PROFILE.max_examples // 20)
)
