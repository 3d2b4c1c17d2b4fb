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


"""Break the code on purpose, and see whether its tests notice.

``python -m tests.mutation`` has mutmut do it to what pyproject.toml names,
lists the mutants that survived, and fails if more of them did than may. Names
of mutants as arguments (globs, too) do it to those alone:
``'glance_cache_osc.plan*'``. What mutmut knows stays in ``mutants/``, and a
second run breaks only what has changed.
"""

import json
import pathlib
import subprocess
import sys

#: Of a hundred mutants, so many are noticed.
_LEAST_KILLED = 90
_STATS = pathlib.Path('mutants/mutmut-cicd-stats.json')
_ENDED = ('killed', 'timeout', 'segfault', 'suspicious')


def main(names: list[str]) -> int:
    """Returns the exit code."""
    subprocess.run(['mutmut', 'run', *names], check=True)
    subprocess.run(['mutmut', 'results'], check=True)
    subprocess.run(['mutmut', 'export-cicd-stats'], check=True)
    stats = json.loads(_STATS.read_text(encoding='utf-8'))
    killed = sum(stats[one] for one in _ENDED)
    met = killed + stats['survived'] + stats['no_tests']
    if not met:
        print('No mutant was tried.')
        return 1
    if not names and met + stats['skipped'] < stats['total']:
        print(f'Only {met} of {stats["total"]} mutants were tried.')
        return 1
    share = 100 * killed / met
    print(f'{killed} of {met} mutants were noticed: {share:.1f} %.')
    return 0 if share >= _LEAST_KILLED else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
