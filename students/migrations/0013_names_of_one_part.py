from django.db import migrations, models

import core.db.operations


class Migration(migrations.Migration):
    # A constraint that does not block writes is not added in a transaction.
    atomic = False

    dependencies = [
        ("students", "0012_access_changes_move_to_accounts"),
    ]

    operations = [
        *(
            migrations.AlterField(
                model_name=model_name,
                name=name,
                field=models.CharField(
                    blank=True, max_length=100, verbose_name=name.replace("_", " ")
                ),
            )
            for model_name in ("historicalstudent", "student")
            for name in ("first_name", "last_name")
        ),
        core.db.operations.AddConstraintWithoutBlocking(
            model_name="student",
            constraint=models.CheckConstraint(
                condition=~models.Q(first_name="", last_name=""),
                name="student_has_a_name",
                violation_error_code="no_name",
                violation_error_message="A student needs a first name or a last name.",
            ),
        ),
    ]
