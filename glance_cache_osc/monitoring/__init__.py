# SPDX-License-Identifier: Apache-2.0

"""Views of many nodes: metrics, the HTML page, the state of ``watch``."""
