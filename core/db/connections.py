"""Connections: their settings, connection poolers, and prepared statements of PostgreSQL.

A pooler in transaction mode gives each transaction another server connection. So settings of the
session, and statements that are prepared in it, are not those of the client. `check_connection`
refuses a connection on which a query could be answered wrongly.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import NotSupportedError, OperationalError, connection
from psycopg import Connection, pq

# PostgreSQL has no SQLSTATE of its own for this error.
STALE_PLAN = "cached plan must not change result type"

IS_CONFIGURED = """
SELECT pg_backend_pid(),
    current_setting('lock_timeout')::interval = %s::interval
    AND current_setting('jit') = 'off'
    AND current_setting('max_parallel_workers_per_gather') = '0'
"""
CONFIGURE = """
SELECT set_config('lock_timeout', %s, false), set_config('jit', 'off', false),
    set_config('max_parallel_workers_per_gather', '0', false)
"""
NOT_CONFIGURED = (
    "The connection goes through a pooler, so settings of the database role are needed. Execute "
    "{role} SET lock_timeout = '{lock_timeout}'; {role} SET jit = off; "
    "{role} SET max_parallel_workers_per_gather = 0; and let the pooler reconnect."
)
NOT_PREPARED = (
    "The pooler does not support prepared statements. Set PREPARED_STATEMENTS=off, "
    "or in PgBouncer 1.22 or newer max_prepared_statements."
)


class UnsuitableConnection(OperationalError):
    """The database answers, but the connection cannot be used as it is configured."""


def check_connection(*, connection: Any, **_kwargs: Any) -> None:
    """Configure a new connection. Connected to the signal `connection_created`.

    Raises UnsuitableConnection if the connection goes through a pooler and the settings of the role
    are missing, or if the pooler does not support prepared statements and they are on.
    """
    if connection.vendor != "postgresql":
        return
    if retry_stale_plan not in connection.execute_wrappers:
        connection.execute_wrappers.append(retry_stale_plan)
    lock_timeout = f"{int(settings.LOCK_SECONDS * 1000)}ms"
    psycopg_connection: Connection[Any] = connection.connection
    [[pid, is_configured]] = psycopg_connection.execute(IS_CONFIGURED, [lock_timeout])
    # A pooler makes up the number that it announces to the client.
    connection.is_pooled = is_pooled = pid != psycopg_connection.info.backend_pid
    if is_pooled and not is_configured:
        info, quote = psycopg_connection.info, connection.ops.quote_name
        role = f"ALTER ROLE {quote(info.user)} IN DATABASE {quote(info.dbname)}"
        connection.close()
        raise UnsuitableConnection(NOT_CONFIGURED.format(role=role, lock_timeout=lock_timeout))
    if not is_configured:
        psycopg_connection.execute(CONFIGURE, [lock_timeout])
    prepares = psycopg_connection.prepare_threshold is not None
    if is_pooled and prepares and not _pooler_renames_statements(psycopg_connection):
        connection.close()
        raise UnsuitableConnection(NOT_PREPARED)


def _pooler_renames_statements(connection: Connection[Any]) -> bool:
    """Whether the pooler gives prepared statements names of its own, one for each text.

    Otherwise one name may mean different statements on different server connections.
    """
    name = f"probe_{secrets.token_hex(8)}"
    # In a transaction both queries use one server connection.
    with connection.transaction():
        result = connection.pgconn.prepare(name.encode(), b"SELECT 1")
        if result.status != pq.ExecStatus.COMMAND_OK:
            return False
        query = "SELECT count(*) FROM pg_prepared_statements WHERE name = %s"
        [[count]] = connection.execute(query, [name], prepare=False)
        if count:
            connection.execute(f"DEALLOCATE {name}", prepare=False)
        return not count


def retry_stale_plan(
    execute: Callable[..., Any],
    sql: str,
    params: Any,
    many: bool,  # noqa: FBT001 (Django's signature)
    context: dict[str, Any],
) -> Any:
    """Execute a statement again if a migration has changed the columns since it was prepared.

    An execute wrapper of Django. In a transaction, which PostgreSQL has aborted, it raises
    OperationalError instead, so that the request is answered 503 and can be sent again.
    """
    try:
        return execute(sql, params, many, context)
    except NotSupportedError as error:
        raise_stale_plan(error, context["connection"])
        if STALE_PLAN not in str(error):
            raise
    return execute(sql, params, many, context)


def raise_stale_plan(error: NotSupportedError, connection: Any) -> None:
    """Stop the use of prepared statements on a connection if `error` says that one is stale.

    The connection is replaced when the request is done. A pooler keeps its server connections and
    their plans, so behind one this process prepares nothing more until it is started again.
    Raises OperationalError in a transaction.
    """
    if STALE_PLAN not in str(error):
        return
    connection.connection.prepare_threshold = None
    connection.close_at = 0
    if connection.is_pooled:
        connection.settings_dict["OPTIONS"]["prepare_threshold"] = None
    if connection.in_atomic_block:
        raise OperationalError("The columns of a table were changed.") from error


@contextmanager
def without_waiting() -> Iterator[None]:
    """Inside, a write fails at once if it would wait for another writer (OperationalError).

    For what a request that only reads stores beside its answer. This is for SQLite, which has one
    writer at a time, and an import writes for long. PostgreSQL's writers wait for single rows.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        [milliseconds] = cursor.fetchone()
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")
