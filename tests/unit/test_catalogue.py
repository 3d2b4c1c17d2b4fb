# SPDX-License-Identifier: Apache-2.0

"""From words to images, in few requests."""

import asyncio
from typing import Any
from unittest import mock

import pytest

from glance_cache_osc import errors
from glance_cache_osc.cloud import catalogue as catalogues
from glance_cache_osc.model import images
from glance_cache_osc.transport import loop as loops
from tests import web as webs
from tests.cli import payloads as p
from tests.fuzz import clients
from tests.unit import conftest

IMAGES = f'{p.GLANCE}/v2/images'
UBUNTU = images.Image(p.UBUNTU, 'ubuntu', 5000000, ('fast',), p.MD5)
DEBIAN = images.Image(p.DEBIAN, 'debian', 5000000, ('fast',), p.MD5)
FEDORA = images.Image(p.FEDORA, 'fedora', 5000000, ('fast',), p.MD5)


@pytest.fixture
def catalogue(loop: loops.Loop) -> catalogues.Catalogue:
    """Glance's list at `payloads.GLANCE`."""
    client = clients.client(loop.engine, p.GLANCE, 1)
    return catalogues.Catalogue(mock.AsyncMock(return_value=client))


def test_images_are_found_by_id_and_hidden_ones_in_a_second_round(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        f'{IMAGES}?id=in:{p.UBUNTU},{p.DEBIAN},{p.ORPHAN}&visibility=all',
        json=p.images(p.image(p.UBUNTU, 'ubuntu')),
    )
    web.answers(
        'GET',
        f'{IMAGES}?id=in:{p.DEBIAN},{p.ORPHAN}&visibility=all&os_hidden=true',
        json=p.images(p.image(p.DEBIAN, 'debian', os_hidden=True)),
    )

    found = run(catalogue.by_id([p.UBUNTU, p.DEBIAN, p.UBUNTU, p.ORPHAN]))

    assert found == {p.UBUNTU: UBUNTU, p.DEBIAN: DEBIAN}
    assert len(web.requests) == 2


def test_no_ids_are_no_request(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    assert run(catalogue.by_id([])) == {}
    assert run(catalogue.by_name([])) == {}
    assert run(catalogue.resolve([])) == catalogues.Resolution({}, {})
    assert web.requests == []


def test_what_can_not_be_an_id_is_not_asked_for(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    """A node may list anything; that must not cost others their names."""
    capitals = p.DEBIAN.upper()
    web.answers(
        'GET',
        f'{IMAGES}?id=in:{p.UBUNTU},{capitals},of-v1&visibility=all',
        json=p.images(
            p.image(p.UBUNTU, 'ubuntu'), p.image(capitals, 'debian')
        ),
    )
    web.answers(
        'GET',
        f'{IMAGES}?id=in:of-v1&visibility=all&os_hidden=true',
        json=p.images(),
    )

    found = run(
        catalogue.by_id(
            [
                *('\ud800', p.UBUNTU, 'x' * 37, f'{p.UBUNTU},', '', capitals),
                *('a,b', '"', "'", 'of-v1', 'a b', 'a/b', 'a&b'),
            ]
        )
    )

    assert list(found) == [p.UBUNTU, capitals]
    assert len(web.requests) == 2


def test_an_id_in_capitals_is_an_id(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    capitals = p.DEBIAN.upper()
    web.answers(
        'GET',
        f'{IMAGES}?id=in:{capitals}&visibility=all',
        json=p.images(p.image(capitals, 'debian')),
    )

    (found,) = run(catalogue.resolve([capitals])).found

    assert found.image_id == capitals


@pytest.mark.parametrize('word', ['\udcff', 'ubuntu\ud800'])
def test_what_is_no_text_names_nothing(
    run: conftest.Run,
    catalogue: catalogues.Catalogue,
    web: conftest.Web,
    word: str,
) -> None:
    """Bytes on the command line that are no UTF-8."""
    (failure,) = run(catalogue.resolve([word])).failures.values()

    assert isinstance(failure, errors.ImageNotFound)
    assert run(catalogue.matching([word], {})) == []
    assert run(catalogue.matching([], {'os_distro': word})) == []
    assert run(catalogue.matching([], {word: 'x'})) == []
    assert web.requests == []


def test_a_hundred_ids_are_a_request(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    ids = [f'00000000-0000-4000-8000-{at:012}' for at in range(201)]
    for part in (ids[:100], ids[100:200], ids[200:]):
        web.answers(
            'GET',
            f'{IMAGES}?id=in:{",".join(part)}&visibility=all',
            json=p.images(*(p.image(one, 'x') for one in part)),
        )

    found = run(catalogue.by_id(ids))

    assert list(found) == ids
    assert len(web.requests) == 3


IDS = [f'00000000-0000-4000-8000-{at:012}' for at in range(1100)]


def test_more_than_a_thousand_ids_are_no_more_requests_than_pages(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    """Whatever nodes list: 40,000 IDs would be 800 requests."""
    many = [f'10000000-0000-4000-8000-{at:012}' for at in range(40_000)]
    more = {'next': '/v2/images?…'}
    web.answers(
        'GET',
        f'{IMAGES}?limit=1000',
        json=p.images(*(p.image(one, 'x') for one in IDS[:1000])) | more,
    )
    web.answers(
        'GET',
        f'{IMAGES}?limit=1000&marker={IDS[999]}',
        json=p.images(*(p.image(one, 'x') for one in IDS[1000:])),
    )
    web.answers(
        'GET',
        f'{IMAGES}?limit=1000&os_hidden=true',
        json=p.images(p.image(many[7], 'hidden', os_hidden=True)),
    )

    found = run(catalogue.by_id([*many, IDS[3], IDS[1050]]))

    assert {one: image.name for one, image in found.items()} == {
        IDS[3]: 'x',
        IDS[1050]: 'x',
        many[7]: 'hidden',
    }
    assert len(web.requests) == 3


@pytest.mark.parametrize(('count', 'requests'), [(1000, 10), (1001, 1)])
def test_up_to_a_thousand_ids_are_asked_for_by_name(
    run: conftest.Run,
    catalogue: catalogues.Catalogue,
    web: conftest.Web,
    count: int,
    requests: int,
) -> None:
    web.answers(
        'GET', IMAGES, json=p.images(*(p.image(one, 'x') for one in IDS))
    )

    found = run(catalogue.by_id(IDS[:count]))

    assert list(found) == IDS[:count]
    assert len(web.requests) == requests


def test_eight_requests_are_in_progress_at_a_time() -> None:
    active = [0]

    async def request(_method: str, _path: str) -> dict[str, Any]:
        active.append(active[-1] + 1)
        await asyncio.sleep(0.01)
        active.append(active[-1] - 1)
        return p.images()

    connect = mock.AsyncMock(return_value=mock.Mock(request=request))
    found = asyncio.run(catalogues.Catalogue(connect).by_id(IDS[:1000]))

    assert found == {}
    assert max(active) == 8


def test_more_than_a_thousand_names_are_looked_for_in_the_list(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        f'{IMAGES}?limit=1000',
        json=p.images(p.image(p.UBUNTU, 'ubuntu'), p.image(p.DEBIAN, 'x')),
    )
    web.answers('GET', f'{IMAGES}?limit=1000&os_hidden=true', json=p.images())

    found = run(
        catalogue.by_name([*(f'no-{at}' for at in range(1100)), 'ubuntu'])
    )

    assert found == {'ubuntu': [UBUNTU]}
    assert len(web.requests) == 2


def test_a_list_that_leads_in_a_circle_is_none(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    page = p.images(p.image(p.UBUNTU, 'ubuntu')) | {'next': '/v2/images?…'}
    web.answers('GET', IMAGES, json=page)

    with pytest.raises(errors.CatalogueError):
        run(catalogue.all())

    assert len(web.requests) == 2


def test_names_that_a_list_can_not_carry_are_asked_for_alone(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    answer = p.images(
        p.image(p.UBUNTU, 'a,b'),
        p.image(p.DEBIAN, 'say "hi"'),
        p.image(p.FEDORA, 'plain'),
    )
    for words in ('eq:a,b', 'eq:say "hi"', 'in:plain'):
        web.answers('GET', f'{IMAGES}?name={words}', json=answer)

    found = run(catalogue.by_name(['a,b', 'plain', 'say "hi"']))

    assert sorted(found) == ['a,b', 'plain', 'say "hi"']
    assert len(web.requests) == 3


def test_a_name_counts_to_the_letter(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    """MySQL finds 'Ubuntu' too, and who asked for 'ubuntu' meant that."""
    web.answers(
        'GET',
        f'{IMAGES}?name=in:ubuntu',
        json=p.images(
            p.image(p.DEBIAN, 'Ubuntu'), p.image(p.UBUNTU, 'ubuntu')
        ),
    )

    assert run(catalogue.by_name(['ubuntu'])) == {'ubuntu': [UBUNTU]}


def test_a_hidden_image_has_its_name_where_no_other_has(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        f'{IMAGES}?name=in:debian&os_hidden=true',
        json=p.images(p.image(p.DEBIAN, 'debian')),
    )
    web.answers(
        'GET',
        f'{IMAGES}?name=in:ubuntu,debian',
        json=p.images(p.image(p.UBUNTU, 'ubuntu')),
    )

    assert run(catalogue.by_name(['ubuntu', 'debian'])) == {
        'ubuntu': [UBUNTU],
        'debian': [DEBIAN],
    }


@pytest.mark.parametrize(
    ('properties', 'query', 'found'),
    [
        ({}, 'tag=golden', [p.UBUNTU, p.DEBIAN]),
        ({'os_distro': 'ubuntu'}, 'os_distro=ubuntu', [p.UBUNTU]),
        ({'disk_format': 'raw'}, 'disk_format=eq:raw', [p.UBUNTU, p.DEBIAN]),
        ({'min_disk': '0'}, 'min_disk=0', [p.UBUNTU, p.DEBIAN]),
        ({'protected': 'True'}, 'protected=True', [p.DEBIAN]),
        ({'os_distro': 'de'}, 'os_distro=de', []),
        ({'nosuch': 'None'}, 'nosuch=None', []),
    ],
)
def test_what_a_server_does_not_filter_is_filtered_here(
    run: conftest.Run,
    catalogue: catalogues.Catalogue,
    web: conftest.Web,
    properties: dict[str, str],
    query: str,
    found: list[str],
) -> None:
    ubuntu = {'os_distro': 'ubuntu'}
    web.answers(
        'GET',
        f'{IMAGES}?{query}',
        json=p.images(
            p.image(p.UBUNTU, 'ubuntu', tags=['a', 'golden'], **ubuntu),
            p.image(
                *(p.DEBIAN, 'debian'),
                tags=['golden'],
                os_distro='debian',
                protected=True,
            ),
            # Databases may ignore case.
            p.image(p.FEDORA, 'fedora', tags=['Golden'], **ubuntu),
        ),
    )

    matching = run(catalogue.matching(['golden'], properties))

    assert [one.image_id for one in matching] == found
    assert 'tag=golden' in web.requests[0]


def test_every_page_is_read(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    """The last page says that there is more, and there is not."""
    more = {'next': '/v2/images?limit=1000&marker=…'}
    # Of stubs that match, the one that was added last answers.
    web.answers(
        'GET',
        f'{IMAGES}?limit=1000',
        json={**p.images(p.image(p.UBUNTU, 'ubuntu')), **more},
    )
    web.answers(
        'GET',
        f'{IMAGES}?limit=1000&marker={p.UBUNTU}',
        json={**p.images(p.image(p.DEBIAN, 'debian')), **more},
    )
    web.answers(
        'GET',
        f'{IMAGES}?limit=1000&marker={p.DEBIAN}',
        json={**p.images(), **more},
    )

    assert run(catalogue.all()) == [UBUNTU, DEBIAN]
    assert len(web.requests) == 3


def test_words_become_images_in_their_order(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        f'{IMAGES}?limit=1000',
        json=p.images(
            p.image(p.UBUNTU, 'ubuntu'),
            p.image(p.DEBIAN, 'debian'),
            p.image(p.FEDORA, 'fedora'),
        ),
    )

    resolution = run(
        catalogue.resolve(['fedora', 'd*', p.UBUNTU, '*', 'fedora'])
    )

    assert resolution == catalogues.Resolution(
        {
            'fedora': [FEDORA],
            'd*': [DEBIAN],
            p.UBUNTU: [UBUNTU],
            '*': [UBUNTU, DEBIAN, FEDORA],
        },
        {},
    )
    assert resolution.found == [FEDORA, DEBIAN, UBUNTU]


def test_a_word_that_means_none_or_several_is_a_failure(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        f'{IMAGES}?limit=1000',
        json=p.images(
            p.image(p.UBUNTU, 'twin'),
            p.image(p.DEBIAN, 'twin'),
            p.image(p.FEDORA, 'fedora'),
        ),
    )

    resolution = run(
        catalogue.resolve(['twin', 'nosuch', 'x*', 'fedora', 't*'])
    )

    assert [one.image_id for one in resolution.found] == [
        p.FEDORA,
        p.UBUNTU,
        p.DEBIAN,
    ]
    assert {
        word: str(error) for word, error in resolution.failures.items()
    } == {
        'twin': "2 images have the name 'twin': "
        '884d4cbe-a2b4-4c09-a3d0-8ab2734603cb, '
        '9b73824a-c4e5-4822-be0d-10abcb0fe5df. Specify the ID of one '
        'of them.',
        'nosuch': "No image has the name or ID 'nosuch'. See 'openstack image "
        "list'.",
        'x*': "No image name matches 'x*'. See 'openstack image list'.",
    }


def test_a_word_may_mean_all_images_of_its_name(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    """Of what is only looked at, twins are no trouble."""
    web.answers(
        'GET',
        f'{IMAGES}?name=in:twin',
        json=p.images(p.image(p.UBUNTU, 'twin'), p.image(p.DEBIAN, 'twin')),
    )

    resolution = run(catalogue.resolve(['twin'], several=True))

    assert [one.image_id for one in resolution.by_word['twin']] == [
        p.UBUNTU,
        p.DEBIAN,
    ]
    assert resolution.failures == {}


@pytest.mark.parametrize(
    ('hidden', 'found'),
    [(False, [p.UBUNTU]), (True, [p.UBUNTU, p.DEBIAN])],
)
def test_a_glob_may_mean_hidden_images_too(
    run: conftest.Run,
    catalogue: catalogues.Catalogue,
    web: conftest.Web,
    hidden: bool,
    found: list[str],
) -> None:
    web.answers(
        'GET',
        f'{IMAGES}?limit=1000',
        json=p.images(p.image(p.UBUNTU, 'ubuntu')),
    )
    if hidden:
        web.answers(
            'GET',
            f'{IMAGES}?os_hidden=true&limit=1000',
            json=p.images(p.image(p.DEBIAN, 'debian', os_hidden=True)),
        )

    resolution = run(catalogue.resolve(['*'], hidden=hidden))

    assert [one.image_id for one in resolution.found] == found


@pytest.mark.parametrize(
    ('word', 'literal', 'found', 'failed'),
    [
        ('a[b]', False, [p.UBUNTU, p.DEBIAN], []),
        ('a[b]', True, [p.UBUNTU], []),
        ('t*', False, [p.FEDORA, p.ORPHAN, 'id-5'], []),
        ('t*', True, [], ['t*']),
        ('a*', True, [p.UBUNTU, p.DEBIAN], []),
    ],
)
def test_a_name_that_is_the_glob_itself_replaces_no_other_unless_asked_for(
    run: conftest.Run,
    catalogue: catalogues.Catalogue,
    web: conftest.Web,
    word: str,
    literal: bool,
    found: list[str],
    failed: list[str],
) -> None:
    web.answers(
        'GET',
        f'{IMAGES}?limit=1000',
        json=p.images(
            p.image(p.UBUNTU, 'a[b]'),
            p.image(p.DEBIAN, 'ab'),
            p.image(p.FEDORA, 't*'),
            p.image(p.ORPHAN, 't*'),
            p.image('id-5', 'two'),
            p.image('id-6', None),
        ),
    )

    resolution = run(catalogue.resolve([word], literal=literal))

    assert [one.image_id for one in resolution.found] == found
    assert list(resolution.failures) == failed


def test_a_glob_may_be_meant_as_a_name(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        f'{IMAGES}?name=in:u*,{p.FEDORA}',
        json=p.images(p.image(p.UBUNTU, 'ubuntu')),
    )
    web.answers(
        'GET', f'{IMAGES}?id=in:{p.FEDORA}&visibility=all', json=p.images()
    )

    resolution = run(catalogue.resolve(['u*', p.FEDORA], globs=False))

    assert resolution.found == []
    assert list(resolution.failures) == ['u*', p.FEDORA]


def test_a_name_may_have_the_form_of_an_id(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    web.answers(
        'GET', f'{IMAGES}?id=in:{p.ORPHAN}&visibility=all', json=p.images()
    )
    web.answers(
        'GET',
        f'{IMAGES}?name=in:{p.ORPHAN}',
        json=p.images(p.image(p.UBUNTU, p.ORPHAN)),
    )

    resolution = run(catalogue.resolve([p.ORPHAN]))

    assert resolution.found == [
        images.Image(p.UBUNTU, p.ORPHAN, 5000000, ('fast',), p.MD5)
    ]
    assert resolution.failures == {}


@pytest.mark.parametrize(
    ('stub', 'expected'),
    [
        (
            webs.REFUSED,
            "Cannot look up images in the cloud's Glance: Cannot connect: "
            "Connection refused. See 'openstack image list'.",
        ),
        (
            {
                'status_code': 400,
                'text': p.fault('400 Bad Request', 'Not so.'),
                'headers': {'Content-Type': 'text/html; charset=UTF-8'},
            },
            "Cannot look up images in the cloud's Glance: Not so. See "
            "'openstack image list'.",
        ),
        (
            {'text': 'Welcome'},
            "Cannot look up images in the cloud's Glance: The response is not "
            "valid JSON. See 'openstack image list'.",
        ),
        (
            {'json': []},
            "The cloud's image endpoint is not a Glance endpoint. See "
            "'openstack endpoint list --service image'.",
        ),
        (
            {'json': {'images': [{'name': 'no id'}]}},
            "The cloud's image endpoint is not a Glance endpoint. See "
            "'openstack endpoint list --service image'.",
        ),
        (
            {'json': {'images': [{'id': 7}]}},
            "The cloud's image endpoint is not a Glance endpoint. See "
            "'openstack endpoint list --service image'.",
        ),
    ],
)
def test_a_list_that_can_not_be_read(
    run: conftest.Run,
    catalogue: catalogues.Catalogue,
    web: conftest.Web,
    stub: dict[str, Any],
    expected: str,
) -> None:
    web.answers('GET', f'{IMAGES}?limit=1000', **stub)

    with pytest.raises(errors.CatalogueError) as caught:
        run(catalogue.all())

    assert str(caught.value) == expected


def test_one_of_many_requests_that_fails_is_a_failure_of_all(
    run: conftest.Run, catalogue: catalogues.Catalogue, web: conftest.Web
) -> None:
    """Half a list would make orphans of images that are well."""
    ids = [f'00000000-0000-4000-8000-{at:012}' for at in range(101)]
    web.answers(
        'GET',
        f'{IMAGES}?id=in:{",".join(ids[:100])}&visibility=all',
        json=p.images(p.image(ids[0], 'x')),
    )
    web.answers(
        'GET', f'{IMAGES}?id=in:{ids[100]}&visibility=all', text='Welcome'
    )

    with pytest.raises(errors.CatalogueError):
        run(catalogue.by_id(ids))
