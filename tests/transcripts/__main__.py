# SPDX-License-Identifier: Apache-2.0

"""python -m tests.transcripts [--write] [page…]: check console blocks."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path
import sys
import tempfile

from tests import cloud as clouds
from tests.transcripts.pages import drift
from tests.transcripts.pages import PAGES
from tests.transcripts.scene import Scene


def main() -> int:
    """Run the pages; returns the exit code."""
    parser = argparse.ArgumentParser(prog='python -m tests.transcripts')
    parser.add_argument('--write', action='store_true')
    parser.add_argument('pages', nargs='*', type=Path)
    options = parser.parse_args()
    drifted = False
    with (
        tempfile.TemporaryDirectory() as folder,
        clouds.Cloud(nodes=3) as cloud,
    ):
        scene = Scene(cloud, Path(folder), cloud.glance)
        for page in options.pages or PAGES:
            shown, came = drift(scene, page, write=options.write)
            drifted = drifted or shown != came
            for line in difflib.unified_diff(
                shown, came, f'{page}: shown', f'{page}: actual', lineterm=''
            ):
                print(line)
    return int(drifted and not options.write)


if __name__ == '__main__':
    sys.exit(main())
