# SPDX-License-Identifier: Apache-2.0

"""Entries, images and plans: code without clock, file or socket."""
