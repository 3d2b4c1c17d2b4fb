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


"""python -m tests.transcripts [--write] [page…]: run what pages show."""

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
                shown, came, f'{page}: shown', f'{page}: came', lineterm=''
            ):
                print(line)
    return int(drifted and not options.write)


if __name__ == '__main__':
    sys.exit(main())
