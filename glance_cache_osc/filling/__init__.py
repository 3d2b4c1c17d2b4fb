# SPDX-License-Identifier: Apache-2.0

"""Queue requests, and following fills to their end."""
