# SPDX-License-Identifier: Apache-2.0

"""Tests: unit, cli, functional; benchmarks; and the cloud they run on."""
