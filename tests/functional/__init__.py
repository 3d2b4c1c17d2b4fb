# SPDX-License-Identifier: Apache-2.0

"""The real `openstack` against a real Keystone and real Glance nodes."""
