import django.core.validators
import django.db.models.deletion
import simple_history.models
from django.db import migrations, models

import core.db.fields
import core.history.actor


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0014_meeting_times_and_credit_limits"),
        ("students", "0020_sort_by_code_points"),
    ]

    operations = [
        migrations.CreateModel(
            name="HistoricalCreditLimit",
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
                    "max_credits",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="Empty: no limit.",
                        max_digits=5,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="most credits",
                    ),
                ),
                (
                    "reason",
                    core.db.fields.CleanCharField(
                        blank=True, max_length=200, verbose_name="reason"
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
                (
                    "student",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="students.student",
                        verbose_name="student",
                    ),
                ),
                (
                    "term",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="courses.term",
                        verbose_name="term",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical credit limit",
                "verbose_name_plural": "historical credit limits",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="CreditLimit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "max_credits",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="Empty: no limit.",
                        max_digits=5,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="most credits",
                    ),
                ),
                (
                    "reason",
                    core.db.fields.CleanCharField(
                        blank=True, max_length=200, verbose_name="reason"
                    ),
                ),
                (
                    "student",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="credit_limits",
                        to="students.student",
                        verbose_name="student",
                    ),
                ),
                (
                    "term",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="credit_limits",
                        to="courses.term",
                        verbose_name="term",
                    ),
                ),
            ],
            options={
                "verbose_name": "credit limit",
                "verbose_name_plural": "credit limits",
                "ordering": ["-term__starts_on", "student", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("student", "term"),
                        name="credit_limit_once",
                        violation_error_code="unique",
                        violation_error_message="The student has a credit limit for this term already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("max_credits__gte", 0)),
                        name="credit_limit_not_negative",
                        violation_error_message="Credits cannot be negative.",
                    ),
                ],
            },
        ),
    ]
