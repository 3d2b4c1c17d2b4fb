# SPDX-License-Identifier: Apache-2.0

"""One engine for every request to a Glance: libcurl on asyncio."""
