# SPDX-License-Identifier: Apache-2.0

"""A program that reads the caches of many nodes with libcurl alone.

    python bare.py URLS TOKEN [CA_BUNDLE]

It reads URLs from a file, one on each line, sends a thousand requests at once,
parses the responses as JSON, and prints elapsed seconds and CPU seconds: a
lower bound for a command that uses libcurl. The start of Python is not
included.
"""

import asyncio
from io import BytesIO
import json
from pathlib import Path
import resource
import sys
import time

import pycurl

#: With more concurrent requests, libcurl takes longer for each.
_AT_ONCE = 1000


def _transfer(url: str, token: str, bundle: str | None) -> pycurl.Curl:
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.HTTPHEADER, [f'X-Auth-Token: {token}'])
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.FAILONERROR, 1)
    curl.setopt(pycurl.TIMEOUT, 60)
    if bundle:
        curl.setopt(pycurl.CAINFO, bundle)
    return curl


async def _read(
    urls: list[str], token: str, bundle: str | None = None
) -> None:
    left = iter(urls)
    async with pycurl.AsyncCurlMulti() as multi:
        multi.setopt(pycurl.M_MAXCONNECTS, _AT_ONCE)

        async def read() -> None:
            for url in left:
                body = BytesIO()
                curl = _transfer(url, token, bundle)
                curl.setopt(pycurl.WRITEDATA, body)
                await multi.perform(curl)
                json.loads(body.getvalue())

        await asyncio.gather(*(read() for _ in range(_AT_ONCE)))


if __name__ == '__main__':
    _most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (_most, _most))
    _urls = Path(sys.argv[1]).read_text(encoding='utf-8').split()
    _wall, _cpu = time.perf_counter(), time.process_time()
    asyncio.run(_read(_urls, *sys.argv[2:]))
    print(time.perf_counter() - _wall, time.process_time() - _cpu)
