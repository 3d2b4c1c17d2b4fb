# SPDX-License-Identifier: Apache-2.0

"""Glance's image cache from the OpenStack command line."""
