import django.core.validators
from django.db import migrations

import core.db.fields
from core.db.operations import sort_by_code_points


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0012_sections_are_unique"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="course",
                    name="code",
                    field=core.db.fields.CleanCharField(
                        help_text="For example BIO-101.",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[\\w][\\w .+/&-]*\\Z",
                                "A code begins with a letter or digit; then letters, digits, spaces and . + / & - _ may follow.",
                            )
                        ],
                        verbose_name="code",
                    ),
                ),
                migrations.AlterField(
                    model_name="course",
                    name="section",
                    field=core.db.fields.CleanCharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="For example A01, where a course is offered several times in one term.",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[\\w][\\w .+/&-]*\\Z",
                                "A code begins with a letter or digit; then letters, digits, spaces and . + / & - _ may follow.",
                            )
                        ],
                        verbose_name="section",
                    ),
                ),
                migrations.AlterField(
                    model_name="course",
                    name="title",
                    field=core.db.fields.CleanCharField(max_length=200, verbose_name="title"),
                ),
                migrations.AlterField(
                    model_name="historicalcourse",
                    name="code",
                    field=core.db.fields.CleanCharField(
                        help_text="For example BIO-101.",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[\\w][\\w .+/&-]*\\Z",
                                "A code begins with a letter or digit; then letters, digits, spaces and . + / & - _ may follow.",
                            )
                        ],
                        verbose_name="code",
                    ),
                ),
                migrations.AlterField(
                    model_name="historicalcourse",
                    name="section",
                    field=core.db.fields.CleanCharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="For example A01, where a course is offered several times in one term.",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[\\w][\\w .+/&-]*\\Z",
                                "A code begins with a letter or digit; then letters, digits, spaces and . + / & - _ may follow.",
                            )
                        ],
                        verbose_name="section",
                    ),
                ),
                migrations.AlterField(
                    model_name="historicalcourse",
                    name="title",
                    field=core.db.fields.CleanCharField(max_length=200, verbose_name="title"),
                ),
                migrations.AlterField(
                    model_name="historicalteacher",
                    name="email",
                    field=core.db.fields.EmailField(
                        blank=True, max_length=254, verbose_name="email"
                    ),
                ),
                migrations.AlterField(
                    model_name="historicalteacher",
                    name="first_name",
                    field=core.db.fields.CleanCharField(
                        blank=True, max_length=100, verbose_name="first name"
                    ),
                ),
                migrations.AlterField(
                    model_name="historicalteacher",
                    name="last_name",
                    field=core.db.fields.CleanCharField(
                        blank=True, max_length=100, verbose_name="last name"
                    ),
                ),
                migrations.AlterField(
                    model_name="historicalteacher",
                    name="number",
                    field=core.db.fields.CleanCharField(
                        help_text="The school's own key for this teacher.",
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
                    model_name="historicalterm",
                    name="code",
                    field=core.db.fields.CleanCharField(
                        help_text="For example 2026-FA.",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A\\w[\\w.-]*\\Z",
                                "A term's code is made of letters, digits and . - _ and begins with a letter or digit.",
                            )
                        ],
                        verbose_name="code",
                    ),
                ),
                migrations.AlterField(
                    model_name="historicalterm",
                    name="name",
                    field=core.db.fields.CleanCharField(max_length=100, verbose_name="name"),
                ),
                migrations.AlterField(
                    model_name="teacher",
                    name="email",
                    field=core.db.fields.EmailField(
                        blank=True, max_length=254, verbose_name="email"
                    ),
                ),
                migrations.AlterField(
                    model_name="teacher",
                    name="first_name",
                    field=core.db.fields.CleanCharField(
                        blank=True, max_length=100, verbose_name="first name"
                    ),
                ),
                migrations.AlterField(
                    model_name="teacher",
                    name="last_name",
                    field=core.db.fields.CleanCharField(
                        blank=True, max_length=100, verbose_name="last name"
                    ),
                ),
                migrations.AlterField(
                    model_name="teacher",
                    name="number",
                    field=core.db.fields.CleanCharField(
                        help_text="The school's own key for this teacher.",
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
                migrations.AlterField(
                    model_name="term",
                    name="code",
                    field=core.db.fields.CleanCharField(
                        help_text="For example 2026-FA.",
                        max_length=20,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A\\w[\\w.-]*\\Z",
                                "A term's code is made of letters, digits and . - _ and begins with a letter or digit.",
                            )
                        ],
                        verbose_name="code",
                    ),
                ),
                migrations.AlterField(
                    model_name="term",
                    name="name",
                    field=core.db.fields.CleanCharField(max_length=100, verbose_name="name"),
                ),
            ]
        ),
        migrations.RunPython(sort_by_code_points("courses"), migrations.RunPython.noop),
    ]
