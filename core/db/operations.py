"""Migration operations that do not block writes: CONCURRENTLY on PostgreSQL, plain elsewhere.

Migrations that use them need `atomic = False`.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db.migrations import AddConstraint, AddIndex, RemoveIndex
from django.db.migrations.operations.base import Operation
from django.db.models import UniqueConstraint

from core.db.fields import CodePointOrderMixin


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


class AddConstraintWithoutBlocking(AddConstraint):
    """Adds a check constraint; PostgreSQL checks the existing rows without blocking writes."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, *states)
            return
        name = self.constraint.name
        steps = [
            AddConstraintNotValid(self.model_name, self.constraint),
            ValidateConstraint(self.model_name, name),
        ]
        for step in steps:
            step.database_forwards(app_label, schema_editor, *states)


class AddUniqueWithoutBlocking(AddConstraint):
    """Adds a unique constraint of fields; PostgreSQL builds its index without blocking writes."""

    constraint: UniqueConstraint

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, *states)
            return
        _from_state, to_state = states
        model = to_state.apps.get_model(app_label, self.model_name)
        table, name, *columns = map(
            schema_editor.quote_name,
            (
                model._meta.db_table,
                self.constraint.name,
                *(model._meta.get_field(field).column for field in self.constraint.fields),
            ),
        )
        # What is left of a run that was broken off: an index of it may be invalid.
        schema_editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        schema_editor.execute(
            f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({', '.join(columns)})"
        )
        schema_editor.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}"
        )


def sort_by_code_points(app_label: str) -> Callable[[Any, Any], None]:
    """A function for RunPython that gives the columns of CodePointOrderMixin their collation.

    It rebuilds the indexes of these columns, once for each table. Other databases need no change.
    """

    def alter_columns(apps: Any, schema_editor: Any) -> None:
        connection = schema_editor.connection
        if connection.vendor != "postgresql":
            return
        quote = connection.ops.quote_name
        for model in apps.get_app_config(app_label).get_models():
            fields: list[Any] = [
                field
                for field in model._meta.local_concrete_fields
                if isinstance(field, CodePointOrderMixin)
            ]
            changes = [
                f'ALTER COLUMN {quote(field.column)} TYPE {field.db_type(connection)} COLLATE "C"'
                for field in fields
            ]
            if changes:
                schema_editor.execute(
                    f"ALTER TABLE {quote(model._meta.db_table)} {', '.join(changes)}"
                )

    return alter_columns
