from typing import Any

import django.core.serializers.json
import django.utils.timezone
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import core.history.actor


def _move_content_type(apps: Apps, old_label: str, new_label: str) -> None:
    """Permissions, grants and log entries refer to the content type, so they move with it."""
    content_type: Any = apps.get_model("contenttypes", "ContentType")
    content_type.objects.filter(app_label=old_label, model="accesschange").update(
        app_label=new_label
    )


def move_forward(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _move_content_type(apps, "students", "accounts")


def move_back(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _move_content_type(apps, "accounts", "students")


class Migration(migrations.Migration):
    """Takes the record of access over from the app `students`: its table, its rows, and who may view it."""

    initial = True

    dependencies = [
        ("students", "0012_access_changes_move_to_accounts"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="AccessChange",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "who",
                            models.CharField(
                                blank=True,
                                db_default="",
                                default=core.history.actor.current_username,
                                max_length=150,
                                verbose_name="who",
                            ),
                        ),
                        (
                            "door",
                            models.CharField(
                                choices=[
                                    ("api", "API"),
                                    ("staff", "staff pages"),
                                    ("admin", "admin"),
                                    ("import", "import"),
                                    ("command", "command"),
                                ],
                                default=core.history.actor.current_door,
                                max_length=10,
                                verbose_name="door",
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[("user", "user"), ("role", "role"), ("token", "token")],
                                max_length=5,
                                verbose_name="kind",
                            ),
                        ),
                        (
                            "name",
                            models.CharField(
                                help_text="Of the user or role, before a change of that name; the key of the token.",
                                max_length=150,
                                verbose_name="name",
                            ),
                        ),
                        (
                            "before",
                            models.JSONField(
                                encoder=django.core.serializers.json.DjangoJSONEncoder,
                                null=True,
                                verbose_name="before",
                            ),
                        ),
                        (
                            "after",
                            models.JSONField(
                                encoder=django.core.serializers.json.DjangoJSONEncoder,
                                null=True,
                                verbose_name="after",
                            ),
                        ),
                        (
                            "reason",
                            models.TextField(
                                blank=True,
                                default=core.history.actor.current_reason,
                                verbose_name="reason",
                            ),
                        ),
                        (
                            "when",
                            models.DateTimeField(
                                default=django.utils.timezone.now, verbose_name="when"
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "change of access",
                        "verbose_name_plural": "changes of access",
                        "db_table": "students_accesschange",
                        "ordering": ["-pk"],
                        "default_permissions": ("view",),
                        "indexes": [
                            models.Index(fields=["kind", "-id"], name="access_by_kind"),
                            models.Index(fields=["name", "-id"], name="access_by_name"),
                            models.Index(fields=["who", "-id"], name="access_by_who"),
                        ],
                    },
                ),
            ],
        ),
        migrations.RunPython(move_forward, move_back),
    ]
