from typing import Any

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

VIEW = [
    "courses.view_term",
    "courses.view_course",
    "students.view_student",
    "students.view_enrollment",
]
ENROLL = ["students.add_enrollment", "students.withdraw_enrollment"]
MANAGE = [
    f"{app}.{verb}_{model}"
    for app, model in (("courses", "term"), ("courses", "course"), ("students", "student"))
    for verb in ("add", "change", "delete")
]
ROLES = {
    "Registrar": VIEW
    + ENROLL
    + MANAGE
    + ["students.complete_enrollment", "students.override_refusal"],
    "Clerk": VIEW + ENROLL,
    "Viewer": VIEW,
}


def make_roles(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    # Django makes the permissions only after all migrations.
    for label in ("courses", "students"):
        config: Any = apps.get_app_config(label)
        config.models_module = True
        create_permissions(config, apps=apps, verbosity=0)
        config.models_module = None
    permission, group = apps.get_model("auth", "Permission"), apps.get_model("auth", "Group")
    for name, labels in ROLES.items():
        role, _created = group.objects.get_or_create(name=name)
        for label in labels:
            app, codename = label.split(".")
            role.permissions.add(
                permission.objects.get(content_type__app_label=app, codename=codename)
            )


def remove_roles(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    """Makes the roles: groups that an administrator gives to users."""

    dependencies = [
        ("students", "0002_enrollment"),
        ("courses", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_roles, remove_roles)]
