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


"""The pages that show a terminal, and how far they are from the truth."""

from __future__ import annotations

from pathlib import Path

from tests.transcripts.document import Document
from tests.transcripts.normal import Normal
from tests.transcripts.scene import Scene

_ROOT = Path(__file__).parents[2]
PAGES = [
    page
    for page in [
        _ROOT / 'README.rst',
        *sorted((_ROOT / 'doc/source').rglob('*.rst')),
    ]
    if Document(page).steps
]


def drift(
    scene: Scene, page: Path, *, write: bool = False
) -> tuple[list[str], list[str]]:
    """What a page shows, and what came, without what always differs.

    :param write: put what came in the page
    """
    document = Document(page)
    scene.reset()
    outputs = []
    for step in document.steps:
        # Not lazily: what comes after a missing program happens as well.
        able = [scene.act(action) for action in step.actions]
        outputs.append(scene.run(step.command) if all(able) else step.shown)
    old, new = Normal(), Normal()
    shown, came = [], []
    for step, output in zip(document.steps, outputs):
        prompt = f'$ {step.command}'
        shown += [prompt, *old(step.shown)]
        came += [prompt, *new(output)]
    if write and shown != came:
        document.write(outputs)
    return shown, came
