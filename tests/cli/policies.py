# SPDX-License-Identifier: Apache-2.0

"""Four nodes on three sites, a policy, and what they hold before it."""

from typing import Any

from tests.cli import payloads as p
from tests.cli.conftest import Cloud

OSLO_1 = 'http://oslo-1.example:9292'
OSLO_2 = 'http://oslo-2.example:9292'
BERGEN = 'http://bergen.example:9292'
TROMSO = 'http://tromso.example:9292'
IMAGES = f'{p.GLANCE}/v2/images'

#: A clouds.yaml whose cloud 'far' has the four; tromso has no site.
CLOUDS_YAML = f"""\
clouds:
  far:
    auth:
      auth_url: {p.KEYSTONE}
    image_cache_nodes:
      - name: oslo-[1-2]
        endpoint: http://oslo-[1-2].example:9292
        site: oslo
      - name: bergen-1
        endpoint: {BERGEN}
        site: bergen
      - name: tromso
        endpoint: {TROMSO}
    image_cache_sites:
      - name: oslo
        bandwidth: 1M
"""
#: Oslo gets all images and nothing else; Bergen two; Tromso one.
POLICY = """\
version: 1
sets:
  base: {tags: [golden]}
  radio: {images: [ubuntu-24.04, 'deb*'], properties: {os_distro: debian}}
sites:
  - match: ['*']
    sets: [base]
  - match: [oslo]
    sets: [base, radio]
    delete_others: true
  - match: [bergen]
    sets: [radio]
"""
ITEMS = {
    p.FEDORA: p.image(p.FEDORA, 'fedora-42', tags=['golden']),
    p.UBUNTU: p.image(p.UBUNTU, 'ubuntu-24.04'),
    p.DEBIAN: p.image(p.DEBIAN, 'debian-13', size=2000000, os_distro='debian'),
}


def found(*image_ids: str) -> dict[str, Any]:
    """Glance's answer with these images."""
    return p.images(*(ITEMS[one] for one in image_ids))


#: What the caches hold before the policy is applied.
BEFORE = {
    OSLO_1: p.cache(
        p.cached(p.FEDORA), p.cached(p.ORPHAN, size=7), queued=[p.DEBIAN]
    ),
    OSLO_2: p.cache(
        p.cached(p.FEDORA),
        p.cached(p.UBUNTU),
        p.cached(p.DEBIAN, size=2000000),
    ),
    BERGEN: p.cache(p.cached(p.UBUNTU), p.cached(p.FEDORA)),
    TROMSO: p.cache(),
}
#: And after it.
AFTER = {
    OSLO_1: BEFORE[OSLO_2],
    OSLO_2: BEFORE[OSLO_2],
    BERGEN: p.cache(
        p.cached(p.UBUNTU),
        p.cached(p.DEBIAN, size=2000000),
        p.cached(p.FEDORA),
    ),
    TROMSO: p.cache(p.cached(p.FEDORA)),
}
#: The requests that find all images of the policy.
QUERIES = [
    f'GET {IMAGES}?name=in%3Aubuntu-24.04&limit=1000',
    f'GET {IMAGES}?limit=1000',
    f'GET {IMAGES}?tag=golden&limit=1000',
    f'GET {IMAGES}?os_distro=debian&limit=1000',
]


def answer_queries(cloud: Cloud) -> None:
    """Answer to the questions which images the policy means."""
    cloud.answers('GET', IMAGES, json=found(p.FEDORA, p.UBUNTU, p.DEBIAN))
    cloud.answers(
        'GET', f'{IMAGES}?name=in:ubuntu-24.04', json=found(p.UBUNTU)
    )
    cloud.answers('GET', f'{IMAGES}?tag=golden', json=found(p.FEDORA))
    # A server that ignores the filter sends all of them.
    cloud.answers(
        'GET', f'{IMAGES}?os_distro=debian', json=found(p.DEBIAN, p.UBUNTU)
    )


def answer_caches(cloud: Cloud, *rounds: dict[str, Any]) -> None:
    """Answer to the question what the caches hold, again and again."""
    for root in rounds[0]:
        cloud.answers(
            'GET',
            f'{root}/v2/cache',
            *({'json': one[root]} for one in rounds),
        )


def changes(cloud: Cloud) -> list[str]:
    """The requests that changed something, without an order."""
    return sorted(one for one in cloud.requests if not one.startswith('GET'))
