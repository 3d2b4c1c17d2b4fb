# SPDX-License-Identifier: Apache-2.0

"""`make screenshot` draws the picture of a report in the manual."""
