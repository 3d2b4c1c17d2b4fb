# SPDX-License-Identifier: Apache-2.0

"""Views of a fleet: metrics, a report, and what `watch` shows."""
