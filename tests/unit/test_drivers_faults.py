# SPDX-License-Identifier: Apache-2.0

"""What is made of a status and a page, to the letter.

How they reach a person is shown in `test_drivers_http`.
"""

import pytest

from glance_cache_osc import errors
from glance_cache_osc.drivers import faults
from glance_cache_osc.transport import engine
from glance_cache_osc.transport import failures

HTML = 'text/html; charset=UTF-8'
URL = 'http://glance.example:9292'


def response(
    status: int, content: bytes = b'', content_type: str | None = None
) -> engine.Response:
    """A response as the engine hands it over."""
    headers = {'content-type': content_type} if content_type else {}
    return engine.Response(status, headers, content, 0.1)


@pytest.mark.parametrize('status', [100, 103, 199])
def test_a_status_that_is_no_answer(status: int) -> None:
    error = faults.from_status(response(status), URL, authenticated=True)

    assert type(error) is errors.NotGlance
    assert str(error) == (
        'The response is not HTTP. Check that this is a Glance endpoint.'
    )


def test_a_status_without_a_phrase() -> None:
    error = faults.from_status(response(499), URL, authenticated=True)

    assert (error.why, error.request_id) == ('HTTP 499', '')


@pytest.mark.parametrize(
    ('content', 'content_type'),
    [
        # Nobody says what it is.
        (b'Not here', None),
        # It is not what it says.
        (b'Not here', 'application/json'),
        (b'\xff\xfe', 'text/plain'),
        # There are no words in it.
        (b'{"error": {}}', 'application/json'),
        (b'<html></html>', HTML),
        (b'', HTML),
    ],
)
def test_a_page_that_says_nothing(
    content: bytes, content_type: str | None
) -> None:
    error = faults.from_status(
        response(404, content, content_type), URL, authenticated=True
    )

    assert str(error) == 'HTTP 404 Not Found.'


@pytest.mark.parametrize(
    ('content', 'content_type', 'words'),
    [
        (b'{"error": {"message": "Gone."}}', 'application/json', 'Gone.'),
        (b'Gone.', 'text/plain', 'Gone.'),
        ('Größe zählt'.encode(), 'text/plain', 'Größe zählt.'),
        # Which is guessed to be Japanese, if nobody says what it is.
        ('€'.encode(), HTML, '€.'),
        ('<p>żółć</p>'.encode(), HTML, 'żółć.'),
    ],
)
def test_words_are_read_as_what_they_are_written_in(
    content: bytes, content_type: str, words: str
) -> None:
    error = faults.from_status(
        response(404, content, content_type), URL, authenticated=True
    )

    assert str(error) == words


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('', ''),
        ('  a \n\t b\r\n', 'a b'),
        ('x' * 300, 'x' * 300),
        ('x' * 301, 'x' * 300 + ' [...]'),
    ],
)
def test_words_fit_in_a_line(text: str, expected: str) -> None:
    assert failures.one_line(text) == expected


@pytest.mark.parametrize(
    ('endpoint', 'expected'),
    [
        (
            'http://glance:9292/v3',
            'The endpoint has a wrong path (HTTP 300). Remove the path from '
            'the endpoint.',
        ),
        # Other services list their versions, too.
        (
            'http://glance:9292',
            'The endpoint redirects to another one (HTTP 300). Use the '
            'endpoint that it redirects to.',
        ),
    ],
)
def test_a_path_that_glance_does_not_know(
    endpoint: str, expected: str
) -> None:
    assert (
        str(faults.from_status(response(300), endpoint, authenticated=True))
        == expected
    )
