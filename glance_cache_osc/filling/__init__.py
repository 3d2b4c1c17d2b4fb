# SPDX-License-Identifier: Apache-2.0

"""Send queue requests and follow fills until they end."""
