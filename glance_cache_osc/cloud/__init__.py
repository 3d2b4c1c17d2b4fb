# SPDX-License-Identifier: Apache-2.0

"""What OpenStackClient holds of a cloud, and what its Glance knows."""
