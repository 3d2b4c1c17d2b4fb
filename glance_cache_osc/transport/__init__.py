# SPDX-License-Identifier: Apache-2.0

"""The engine for all requests to Glance: libcurl on asyncio."""
