#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

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
