"""Migration operations that do not block writes: CONCURRENTLY on PostgreSQL, plain elsewhere.

Migrations that use them need `atomic = False`.
"""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db.migrations import AddIndex, RemoveIndex
from django.db.migrations.operations.base import Operation


def _choose_operation(
    schema_editor: Any, concurrent: type[Operation], plain: type[Operation]
) -> type[Operation]:
    return concurrent if schema_editor.connection.vendor == "postgresql" else plain


class AddIndexWithoutBlocking(AddIndexConcurrently):
    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        _choose_operation(schema_editor, AddIndexConcurrently, AddIndex).database_forwards(
            self, app_label, schema_editor, *states
        )

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        _choose_operation(schema_editor, AddIndexConcurrently, AddIndex).database_backwards(
            self, app_label, schema_editor, *states
        )


class RemoveIndexWithoutBlocking(RemoveIndexConcurrently):
    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        _choose_operation(schema_editor, RemoveIndexConcurrently, RemoveIndex).database_forwards(
            self, app_label, schema_editor, *states
        )

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        _choose_operation(schema_editor, RemoveIndexConcurrently, RemoveIndex).database_backwards(
            self, app_label, schema_editor, *states
        )
