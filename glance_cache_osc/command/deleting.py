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


"""Dropping entries: `delete` and `sync --delete-others`."""

from glance_cache_osc.command import base
from glance_cache_osc.i18n import _


async def carry_out(
    command: base.CacheLister, steps: base.Steps
) -> base.Steps:
    """Drop what is to be deleted; what failed is reported, and left out."""
    return await command.carry_out(
        steps,
        lambda job: job.member.driver.delete(job.image_id),
        _("Cannot delete image '%(image)s' from the cache of %(node)s"),
    )
