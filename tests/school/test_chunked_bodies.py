"""A chunked request body, which has no Content-Length, is read like other bodies."""

from collections.abc import Iterable
from io import BytesIO
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.util import setup_testing_defaults

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest

from school.wsgi import with_content_length


def read(body: bytes, **environ: object) -> bytes:
    """Return what Django reads from `body`, given the variables of a WSGI environment."""

    def view(environ: WSGIEnvironment, _start_response: StartResponse) -> Iterable[bytes]:
        return [WSGIRequest(environ).read()]

    request = {
        "REQUEST_METHOD": "PATCH",
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        **environ,
    }
    setup_testing_defaults(request)
    [content] = with_content_length(view)(request, lambda *_args: lambda _data: None)
    return content


def test_a_chunked_body_is_read_whole() -> None:
    assert (
        read(b'{"first_name": "Ann"}', HTTP_TRANSFER_ENCODING="chunked") == b'{"first_name": "Ann"}'
    )


def test_a_large_body_is_read_up_to_one_byte_above_the_limit() -> None:
    assert (
        len(read(b" " * settings.BODY_LIMIT * 2, HTTP_TRANSFER_ENCODING="chunked"))
        == settings.BODY_LIMIT + 1
    )


@pytest.mark.parametrize(
    "environ",
    [
        {"CONTENT_LENGTH": "3"},
        {
            "CONTENT_LENGTH": "3",
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input_terminated": False,
        },
    ],
)
def test_a_body_with_a_length_is_read_up_to_that_length(environ: dict[str, object]) -> None:
    assert read(b"abcdef", **environ) == b"abc"
