"""Threads reuse their connection to PostgreSQL, and replace one that the server has closed."""

import psycopg
import pytest
from django.db import connection
from django.test import Client

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no server."),
]


def server_process() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [number] = cursor.fetchone()
    return int(number)


def test_a_connection_is_used_again(client: Client) -> None:
    before = server_process()
    assert client.get("/readyz").status_code == 200
    assert server_process() == before


def test_a_connection_that_the_server_closed_is_replaced_without_an_error(client: Client) -> None:
    before = server_process()
    params = connection.get_connection_params()
    names = {"dbname", "user", "password", "host", "port"} & set(params)
    with psycopg.connect(**{name: params[name] for name in names}) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [before])
    assert client.get("/readyz").status_code == 200
    assert server_process() != before
