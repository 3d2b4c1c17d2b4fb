# SPDX-License-Identifier: Apache-2.0

"""The plugin's main job on a real cloud, for a person to watch."""
