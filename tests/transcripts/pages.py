# SPDX-License-Identifier: Apache-2.0

"""The pages with console blocks, and their differences from real output."""

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
    """The output in a page and the actual output, with replaced values.

    :param write: whether to write the actual output to the page
    """
    document = Document(page)
    scene.reset()
    outputs = []
    for step in document.steps:
        # A list, not a generator: all actions run, also after a missing program.
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
