# SPDX-License-Identifier: Apache-2.0

"""Policy files: which images belong in the caches of which sites."""
