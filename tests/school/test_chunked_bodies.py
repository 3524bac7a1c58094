"""A body without a length, sent in chunks as a program does that does not know yet how long it will be, is read like any other."""

from collections.abc import Iterable
from io import BytesIO
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.util import setup_testing_defaults

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest

from school.wsgi import with_content_length


def read(body: bytes, **environ: object) -> bytes:
    """What Django reads of `body`, which the server has put together again."""

    def view(environ: WSGIEnvironment, _start_response: StartResponse) -> Iterable[bytes]:
        return [WSGIRequest(environ).read()]

    asked = {
        "REQUEST_METHOD": "PATCH",
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        **environ,
    }
    setup_testing_defaults(asked)
    [found] = with_content_length(view)(asked, lambda *_args: lambda _data: None)
    return found


def test_is_read_whole() -> None:
    assert (
        read(b'{"first_name": "Ann"}', HTTP_TRANSFER_ENCODING="chunked") == b'{"first_name": "Ann"}'
    )


def test_is_read_no_further_than_to_tell_that_it_is_too_large() -> None:
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
def test_one_with_a_length_is_read_as_far_as_that(environ: dict[str, object]) -> None:
    assert read(b"abcdef", **environ) == b"abc"
