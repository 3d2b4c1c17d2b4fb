# SPDX-License-Identifier: Apache-2.0

"""The picture of a report in the manual, made by `make screenshot`."""
