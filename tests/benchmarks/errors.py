# SPDX-License-Identifier: Apache-2.0

"""The error of a benchmark without a result."""


class BenchmarkError(Exception):
    """The measurement failed or is invalid. The text contains the reason."""
