import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import simple_history.models
from django.db import migrations, models

import core.db.search
import core.history.actor


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0009_search_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="HistoricalTeacher",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        auto_created=True, blank=True, db_index=True, verbose_name="ID"
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
                    "override",
                    models.JSONField(
                        blank=True,
                        db_default=[],
                        default=list,
                        help_text="Codes of the refusals that were overridden.",
                        verbose_name="override",
                    ),
                ),
                ("history_user_id", models.IntegerField(editable=False, null=True)),
                (
                    "history_change_reason",
                    models.TextField(blank=True, default="", verbose_name="reason"),
                ),
                (
                    "number",
                    models.CharField(
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
                (
                    "first_name",
                    models.CharField(blank=True, max_length=100, verbose_name="first name"),
                ),
                (
                    "last_name",
                    models.CharField(blank=True, max_length=100, verbose_name="last name"),
                ),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="email")),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Whether the teacher works at the school now.",
                        verbose_name="active",
                    ),
                ),
                (
                    "history_id",
                    models.BigAutoField(editable=False, primary_key=True, serialize=False),
                ),
                ("history_date", models.DateTimeField(db_index=True)),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1
                    ),
                ),
            ],
            options={
                "verbose_name": "historical teacher",
                "verbose_name_plural": "historical teachers",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalTeaching",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        auto_created=True, blank=True, db_index=True, verbose_name="ID"
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
                    "override",
                    models.JSONField(
                        blank=True,
                        db_default=[],
                        default=list,
                        help_text="Codes of the refusals that were overridden.",
                        verbose_name="override",
                    ),
                ),
                ("history_user_id", models.IntegerField(editable=False, null=True)),
                (
                    "history_change_reason",
                    models.TextField(blank=True, default="", verbose_name="reason"),
                ),
                (
                    "is_primary",
                    models.BooleanField(
                        default=False,
                        help_text="The teacher who is responsible for the course.",
                        verbose_name="primary",
                    ),
                ),
                (
                    "ended_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="When the teacher left the course. Empty: teaches it.",
                        null=True,
                        verbose_name="ended at",
                    ),
                ),
                (
                    "history_id",
                    models.BigAutoField(editable=False, primary_key=True, serialize=False),
                ),
                ("history_date", models.DateTimeField(db_index=True)),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1
                    ),
                ),
            ],
            options={
                "verbose_name": "historical teacher of a course",
                "verbose_name_plural": "historical teachers of a course",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="Teacher",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "number",
                    models.CharField(
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
                (
                    "first_name",
                    models.CharField(blank=True, max_length=100, verbose_name="first name"),
                ),
                (
                    "last_name",
                    models.CharField(blank=True, max_length=100, verbose_name="last name"),
                ),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="email")),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Whether the teacher works at the school now.",
                        verbose_name="active",
                    ),
                ),
                (
                    "search_key",
                    core.db.search.SearchKeyField(db_default="", default="", editable=False),
                ),
                (
                    "name_key",
                    core.db.search.SortKeyField(
                        blank=True, db_default="", default="", editable=False, max_length=200
                    ),
                ),
            ],
            options={
                "verbose_name": "teacher",
                "verbose_name_plural": "teachers",
                "ordering": ["name_key", "last_name", "first_name", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Teaching",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "is_primary",
                    models.BooleanField(
                        default=False,
                        help_text="The teacher who is responsible for the course.",
                        verbose_name="primary",
                    ),
                ),
                (
                    "ended_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="When the teacher left the course. Empty: teaches it.",
                        null=True,
                        verbose_name="ended at",
                    ),
                ),
            ],
            options={
                "verbose_name": "teacher of a course",
                "verbose_name_plural": "teachers of a course",
                "ordering": ["pk"],
                "default_permissions": (),
            },
        ),
        migrations.AlterModelOptions(
            name="course",
            options={
                "ordering": ["term", "code_key", "code", "section"],
                "verbose_name": "course",
                "verbose_name_plural": "courses",
            },
        ),
        migrations.AddField(
            model_name="course",
            name="ends_on",
            field=models.DateField(
                blank=True,
                help_text="Last day. Empty: with the term.",
                null=True,
                verbose_name="ends on",
            ),
        ),
        migrations.AddField(
            model_name="course",
            name="repeatable",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="A student may take several sections of this course at the same time.",
                verbose_name="repeatable",
            ),
        ),
        migrations.AddField(
            model_name="course",
            name="section",
            field=models.CharField(
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
        migrations.AddField(
            model_name="course",
            name="starts_on",
            field=models.DateField(
                blank=True, help_text="Empty: with the term.", null=True, verbose_name="starts on"
            ),
        ),
        migrations.AddField(
            model_name="historicalcourse",
            name="ends_on",
            field=models.DateField(
                blank=True,
                help_text="Last day. Empty: with the term.",
                null=True,
                verbose_name="ends on",
            ),
        ),
        migrations.AddField(
            model_name="historicalcourse",
            name="repeatable",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="A student may take several sections of this course at the same time.",
                verbose_name="repeatable",
            ),
        ),
        migrations.AddField(
            model_name="historicalcourse",
            name="section",
            field=models.CharField(
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
        migrations.AddField(
            model_name="historicalcourse",
            name="starts_on",
            field=models.DateField(
                blank=True, help_text="Empty: with the term.", null=True, verbose_name="starts on"
            ),
        ),
        migrations.AddField(
            model_name="historicalteaching",
            name="course",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="courses.course",
                verbose_name="course",
            ),
        ),
        migrations.AddIndex(
            model_name="teacher",
            index=models.Index(
                fields=["name_key", "last_name", "first_name", "id"], name="teacher_by_name_key"
            ),
        ),
        migrations.AddIndex(
            model_name="teacher",
            index=core.db.search.WordIndex(
                core.db.search.SearchKeyPrefixes("search_key"), name="teacher_by_search_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="teacher",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("email"),
                condition=models.Q(("email", ""), _negated=True),
                name="teacher_email_unique",
                violation_error_code="unique",
                violation_error_message="A teacher with this email already exists.",
            ),
        ),
        migrations.AddConstraint(
            model_name="teacher",
            constraint=models.CheckConstraint(
                condition=models.Q(("first_name", ""), ("last_name", ""), _negated=True),
                name="teacher_has_a_name",
                violation_error_code="no_name",
                violation_error_message="A teacher needs a first name or a last name.",
            ),
        ),
        migrations.AddField(
            model_name="historicalteaching",
            name="teacher",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="courses.teacher",
                verbose_name="teacher",
            ),
        ),
        migrations.AddField(
            model_name="teaching",
            name="course",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="teachings",
                to="courses.course",
                verbose_name="course",
            ),
        ),
        migrations.AddField(
            model_name="teaching",
            name="teacher",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="teachings",
                to="courses.teacher",
                verbose_name="teacher",
            ),
        ),
        migrations.AddIndex(
            model_name="historicalteaching",
            index=models.Index(fields=["course", "history_id"], name="teaching_history_by_course"),
        ),
        migrations.AddConstraint(
            model_name="teaching",
            constraint=models.UniqueConstraint(
                fields=("course", "teacher"),
                name="teaching_once",
                violation_error_message="The course has this teacher already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="teaching",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None), ("is_primary", True)),
                fields=("course",),
                name="teaching_one_primary",
                violation_error_code="second_primary",
                violation_error_message="Only one teacher of a course can be the primary one.",
            ),
        ),
    ]
