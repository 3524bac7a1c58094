"""Health checks for a load balancer, and the replacement of dead database connections."""

from select import POLLIN, poll
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from core.db.connections import UnsuitableConnection
from core.db.errors import current_obstacle, find_obstacle


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the process runs. No query."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if the database answers, takes changes and has every migration, else 503.

    The body has the reason.
    """
    try:
        executor = MigrationExecutor(connection)
        missing = [
            f"{migration.app_label}.{migration.name}"
            for migration, _backwards in executor.migration_plan(executor.loader.graph.leaf_nodes())
        ]
        obstacle = current_obstacle()
    except DatabaseError as error:
        obstacle = find_obstacle(error)
        reason = obstacle.value if obstacle else "The database does not answer."
        if isinstance(error, UnsuitableConnection):
            reason = str(error)
        return JsonResponse({"status": "unavailable", "reason": reason}, status=503)
    if missing:
        return JsonResponse(
            {"status": "unavailable", "reason": "Migrations are missing.", "missing": missing},
            status=503,
        )
    if obstacle:
        return JsonResponse({"status": "unavailable", "reason": obstacle.value}, status=503)
    return JsonResponse({"status": "ok"})


def drop_dead_connection(**_kwargs: Any) -> None:
    """Close the connection if PostgreSQL has closed its end, so that Django opens a new one.

    The socket of such a connection has data to read (end of file), while that of a healthy and idle
    connection has none. So no query is needed. Connected to the signal `request_started`.
    """
    if (
        connection.vendor != "postgresql"
        or connection.connection is None
        or connection.in_atomic_block
    ):
        return
    poller = poll()
    poller.register(connection.connection.fileno(), POLLIN)
    if poller.poll(0):
        connection.close()
