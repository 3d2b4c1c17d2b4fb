# SPDX-License-Identifier: Apache-2.0

"""Code broken on purpose."""
