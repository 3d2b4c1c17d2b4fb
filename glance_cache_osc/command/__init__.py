# SPDX-License-Identifier: Apache-2.0

"""Code that commands share: options, approval, the display of progress."""
