from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Exists, OuterRef, Subquery

import core.history.actor

RECORDS = ["historicalterm", "historicalcourse"]


def name_users(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    users = apps.get_model("auth", "User").objects.filter(pk=OuterRef("history_user_id"))
    for name in RECORDS:
        # One statement for each table, however large.
        apps.get_model("courses", name).objects.filter(Exists(users)).update(
            who=Subquery(users.values("username"))
        )


def forget_users_that_are_gone(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    users = apps.get_model("auth", "User").objects.filter(pk=OuterRef("history_user_id"))
    for name in RECORDS:
        apps.get_model("courses", name).objects.exclude(history_user_id=None).exclude(
            Exists(users)
        ).update(history_user_id=None)


class Migration(migrations.Migration):
    """Keeps the name of who did something in the record itself. The user's id stays in its column, and is a plain number now."""

    dependencies = [
        ("courses", "0002_waitlist_and_prerequisites"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        *(
            operation
            for name in RECORDS
            for operation in (
                # The column keeps its name and its type, so that no table is written anew.
                migrations.AlterField(
                    name,
                    "history_user",
                    models.IntegerField(db_column="history_user_id", editable=False, null=True),
                ),
                migrations.RenameField(name, "history_user", "history_user_id"),
                migrations.AlterField(
                    name, "history_user_id", models.IntegerField(editable=False, null=True)
                ),
                migrations.AddField(
                    name,
                    "who",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default=core.history.actor.current_username,
                        max_length=150,
                        verbose_name="who",
                    ),
                ),
            )
        ),
        migrations.RunPython(name_users, forget_users_that_are_gone),
    ]
