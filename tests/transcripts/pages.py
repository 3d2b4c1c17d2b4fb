# SPDX-License-Identifier: Apache-2.0

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
