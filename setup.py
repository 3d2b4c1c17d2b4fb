# SPDX-License-Identifier: Apache-2.0

"""For pip and others that still look for it; setup.cfg says all."""

import setuptools

setuptools.setup(setup_requires=['pbr>=6.1.1'], pbr=True)
