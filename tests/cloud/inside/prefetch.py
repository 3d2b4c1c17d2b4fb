# SPDX-License-Identifier: Apache-2.0

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
