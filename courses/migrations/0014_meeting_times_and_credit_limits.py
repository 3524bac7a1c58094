from typing import Any

import django.db.models.deletion
from django.core.validators import MinValueValidator
from django.db import migrations, models

import courses.meetings

MEETINGS: dict[str, Any] = {
    "blank": True,
    "db_default": [],
    "default": list,
    "help_text": "For example Mon Wed 10:00-10:50 CENTR 105; Thu 17:00-17:50.",
    "verbose_name": "meetings",
}
MAX_CREDITS: dict[str, Any] = {
    "blank": True,
    "decimal_places": 2,
    "help_text": "That a student may take in this term. Empty: no limit.",
    "max_digits": 5,
    "null": True,
    "validators": [MinValueValidator(0)],
    "verbose_name": "most credits",
}


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0013_sort_by_code_points"),
    ]

    operations = [
        *(
            migrations.AddField(
                model_name=model,
                name="meetings",
                field=courses.meetings.MeetingsField(**MEETINGS),
            )
            for model in ("course", "historicalcourse")
        ),
        *(
            migrations.AddField(
                model_name=model, name="max_credits", field=models.DecimalField(**MAX_CREDITS)
            )
            for model in ("term", "historicalterm")
        ),
        migrations.AddConstraint(
            model_name="term",
            constraint=models.CheckConstraint(
                condition=models.Q(max_credits__gte=0),
                name="term_max_credits_not_negative",
                violation_error_message="Credits cannot be negative.",
            ),
        ),
        migrations.CreateModel(
            name="MeetingTime",
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
                        related_name="meeting_times",
                        to="courses.course",
                        verbose_name="course",
                    ),
                ),
                (
                    "day",
                    models.PositiveSmallIntegerField(
                        help_text="1 is Monday, 7 is Sunday.", verbose_name="day"
                    ),
                ),
                ("starts", models.TimeField(verbose_name="starts")),
                ("ends", models.TimeField(verbose_name="ends")),
            ],
            options={
                "verbose_name": "meeting time",
                "verbose_name_plural": "meeting times",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("course", "day", "starts", "ends"), name="meeting_time_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(ends__gt=models.F("starts")),
                        name="meeting_time_ends_after_start",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(day__gte=1, day__lte=7), name="meeting_time_day_known"
                    ),
                ],
            },
        ),
    ]
