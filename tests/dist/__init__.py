# SPDX-License-Identifier: Apache-2.0

"""What is released, tried as a user gets it."""
