# SPDX-License-Identifier: Apache-2.0

"""Entries, images, plans. No clock, file or socket."""
