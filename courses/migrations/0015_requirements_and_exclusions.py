from typing import Any

from django.db import migrations, models

EXCLUDES: dict[str, Any] = {
    "blank": True,
    "db_default": [],
    "default": list,
    "help_text": "Codes of courses separated by commas. Who takes or has completed one of them "
    "cannot take this one, nor the other way round.",
    "verbose_name": "excludes",
}
PREREQUISITES: dict[str, Any] = {
    "blank": True,
    "db_default": [],
    "default": list,
    "help_text": "Codes of courses to be completed first, in any term. MAT-1 | MAT-2*, PHY-2 means "
    "MAT-1 or MAT-2, and PHY-2; with the star, the course may also be taken at the same time.",
    "verbose_name": "prerequisites",
}
ACCEPTS_IN_PROGRESS: dict[str, Any] = {
    "db_default": False,
    "default": False,
    "help_text": "A student may enroll who still takes a prerequisite, if it ends before the "
    "course begins.",
    "verbose_name": "courses in progress meet prerequisites",
}


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0014_meeting_times_and_credit_limits"),
    ]

    operations = [
        *(
            migrations.AddField(
                model_name=model, name="excludes", field=models.JSONField(**EXCLUDES)
            )
            for model in ("course", "historicalcourse")
        ),
        *(
            migrations.AddField(
                model_name=model,
                name="accepts_in_progress",
                field=models.BooleanField(**ACCEPTS_IN_PROGRESS),
            )
            for model in ("term", "historicalterm")
        ),
        *(
            migrations.AlterField(
                model_name=model, name="prerequisites", field=models.JSONField(**PREREQUISITES)
            )
            for model in ("course", "historicalcourse")
        ),
    ]
