# SPDX-License-Identifier: Apache-2.0

"""A demonstration of the plugin's main job on a real cloud."""
