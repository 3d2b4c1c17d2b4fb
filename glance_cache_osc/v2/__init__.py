# SPDX-License-Identifier: Apache-2.0

"""What is typed: the commands."""
