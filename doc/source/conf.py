# SPDX-License-Identifier: Apache-2.0

"""How the manual is built."""

project = 'glance-cache-osc'
copyright = 'OpenStack contributors'  # noqa: A001 - Sphinx's name
author = 'OpenStack contributors'

extensions = [
    'cliff.sphinxext',
    'openstackdocstheme',
    'reno.sphinxext',
]

master_doc = 'index'
exclude_patterns: list[str] = []
html_theme = 'openstackdocs'
openstackdocs_auto_name = False
openstackdocs_use_storyboard = False
pygments_style = 'native'
# Or '--node' in a help text becomes a dash and 'node'.
smartquotes = False

autoprogram_cliff_application = 'openstack'
autoprogram_cliff_ignored = [
    '--help',
    '--format',
    '--column',
    '--max-width',
    '--fit-width',
    '--print-empty',
    '--noindent',
    '--quote',
    '--sort-column',
    '--sort-ascending',
    '--sort-descending',
]
