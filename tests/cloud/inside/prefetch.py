# SPDX-License-Identifier: Apache-2.0

"""Run glance-cache-prefetcher, in the venv of a service.

    python -I prefetch.py --config-file GLANCE_API_CONF

The original program does not start: that of Xena does not set up a thread pool,
and that of Glance 33 uses one that no longer exists. This script sets up a
thread pool, and then runs the code of Glance.
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
