"""Two questions that a load balancer asks, and connections that are kept in health."""

from select import POLLIN, poll
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    """Does the process answer?"""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Does the database answer, with every migration applied? 503 with the reason if not."""
    try:
        executor = MigrationExecutor(connection)
        missing = [
            f"{migration.app_label}.{migration.name}"
            for migration, _backwards in executor.migration_plan(executor.loader.graph.leaf_nodes())
        ]
    except DatabaseError:
        return JsonResponse(
            {"status": "unavailable", "reason": "The database does not answer."}, status=503
        )
    if missing:
        return JsonResponse(
            {"status": "unavailable", "reason": "Migrations are missing.", "missing": missing},
            status=503,
        )
    return JsonResponse({"status": "ok"})


def drop_dead_connection(**_kwargs: Any) -> None:
    """Make a new connection where the database server has closed the one that this thread keeps: its end tells without being asked."""
    if (
        connection.vendor != "postgresql"
        or connection.connection is None
        or connection.in_atomic_block
    ):
        return
    end = poll()
    end.register(connection.connection.fileno(), POLLIN)
    if end.poll(0):
        connection.close()
