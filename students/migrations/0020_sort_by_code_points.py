import django.core.validators
from django.db import migrations

import core.db.fields
from core.db.operations import sort_by_code_points


class Migration(migrations.Migration):
    dependencies = [
        ("students", "0019_roles_of_teachers"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="historicalstudent",
                    name="email",
                    field=core.db.fields.EmailField(max_length=254, verbose_name="email"),
                ),
                migrations.AlterField(
                    model_name="historicalstudent",
                    name="first_name",
                    field=core.db.fields.CleanCharField(
                        blank=True, max_length=100, verbose_name="first name"
                    ),
                ),
                migrations.AlterField(
                    model_name="historicalstudent",
                    name="last_name",
                    field=core.db.fields.CleanCharField(
                        blank=True, max_length=100, verbose_name="last name"
                    ),
                ),
                migrations.AlterField(
                    model_name="historicalstudent",
                    name="number",
                    field=core.db.fields.CleanCharField(
                        help_text="The school's own key for this student.",
                        max_length=30,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A\\w[\\w .+/&-]*\\Z",
                                "A number begins with a letter or digit; then letters, digits, spaces and . + / & - _ may follow.",
                            )
                        ],
                        verbose_name="number",
                    ),
                ),
                migrations.AlterField(
                    model_name="student",
                    name="email",
                    field=core.db.fields.EmailField(max_length=254, verbose_name="email"),
                ),
                migrations.AlterField(
                    model_name="student",
                    name="first_name",
                    field=core.db.fields.CleanCharField(
                        blank=True, max_length=100, verbose_name="first name"
                    ),
                ),
                migrations.AlterField(
                    model_name="student",
                    name="last_name",
                    field=core.db.fields.CleanCharField(
                        blank=True, max_length=100, verbose_name="last name"
                    ),
                ),
                migrations.AlterField(
                    model_name="student",
                    name="number",
                    field=core.db.fields.CleanCharField(
                        help_text="The school's own key for this student.",
                        max_length=30,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A\\w[\\w .+/&-]*\\Z",
                                "A number begins with a letter or digit; then letters, digits, spaces and . + / & - _ may follow.",
                            )
                        ],
                        verbose_name="number",
                    ),
                ),
            ]
        ),
        migrations.RunPython(sort_by_code_points("students"), migrations.RunPython.noop),
    ]
