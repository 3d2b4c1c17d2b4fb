# SPDX-License-Identifier: Apache-2.0

"""What the nodes of other releases do with queued images after a restart."""

from tests.functional.releases.conftest import Visit
from tests.matrix import nodes


def test_the_prefetcher_of_an_older_node_completes_queue_requests(
    at: Visit,
) -> None:
    here = at(nodes.YOGA)
    image = here.image('ubuntu-24.04')
    here.node.kill()
    # What a queue request leaves on the disk.
    (here.node.cache_dir / 'queue' / image).touch()

    here.node.start()

    here.cache.wait_for(image)
