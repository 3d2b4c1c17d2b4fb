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

"""Fetch what is queued, as glance-cache-prefetcher. In a services' venv.

    python -I prefetch.py --config-file GLANCE_API_CONF

The program as shipped does not start: Xena's has no thread pool, and that of
Glance 33 asks for one that is no more. This one gets the pool that there is,
and the rest is theirs.
"""

import importlib


def main():
    # type: () -> None
    pools = importlib.import_module('glance.async_')
    pools.set_threadpool_model('native')
    setattr(pools, 'set_threadpool_model', lambda _: None)  # noqa: B010
    importlib.import_module('glance.cmd.cache_prefetcher').main()


if __name__ == '__main__':
    main()
