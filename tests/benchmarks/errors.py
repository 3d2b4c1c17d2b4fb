# SPDX-License-Identifier: Apache-2.0

"""What ends a benchmark without a result."""


class BenchmarkError(Exception):
    """Nothing could be measured, or not what was meant. The text says why."""
