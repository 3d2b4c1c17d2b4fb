# SPDX-License-Identifier: Apache-2.0

"""Verify cached images and check the configuration of nodes."""
