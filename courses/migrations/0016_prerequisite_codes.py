import django.db.models.deletion
from django.db import migrations, models

import core.db.fields

BATCH_SIZE = 1_000


def fill_rows(apps, schema_editor):
    """Write the rows of the courses that exist."""
    code_model = apps.get_model("courses", "PrerequisiteCode")
    courses = apps.get_model("courses", "Course").objects.exclude(prerequisites=[])
    rows = [
        code_model(course_id=pk, requirement=number, code=code)
        for pk, values in courses.order_by("pk").values_list("pk", "prerequisites").iterator()
        for number, value in enumerate(values)
        for code in ([value] if isinstance(value, str) else value["any"])
    ]
    code_model.objects.bulk_create(rows, batch_size=BATCH_SIZE)


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0015_requirements_and_exclusions"),
    ]

    operations = [
        migrations.CreateModel(
            name="PrerequisiteCode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "course",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="prerequisite_codes",
                        to="courses.course",
                        verbose_name="course",
                    ),
                ),
                (
                    "requirement",
                    models.PositiveSmallIntegerField(
                        help_text="Its place in the prerequisites of the course, from 0.",
                        verbose_name="requirement",
                    ),
                ),
                ("code", core.db.fields.CleanCharField(max_length=20, verbose_name="code")),
            ],
            options={
                "verbose_name": "code of a prerequisite",
                "verbose_name_plural": "codes of prerequisites",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("course", "requirement", "code"), name="prerequisite_code_once"
                    ),
                ],
            },
        ),
        migrations.RunPython(fill_rows, migrations.RunPython.noop),
    ]
