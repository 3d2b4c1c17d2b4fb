# SPDX-License-Identifier: Apache-2.0

"""From what is typed to what is printed, with canned answers."""
