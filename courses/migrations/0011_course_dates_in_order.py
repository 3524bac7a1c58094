from django.db import migrations, models

import core.db.operations


class Migration(migrations.Migration):
    # A constraint that does not block writes is not added in a transaction.
    atomic = False

    dependencies = [
        ("courses", "0010_sections_and_teachers"),
    ]

    operations = [
        core.db.operations.AddConstraintWithoutBlocking(
            model_name="course",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_on__gte", models.F("starts_on"))),
                name="course_ends_after_start",
                violation_error_code="ends_before_start",
                violation_error_message="A course cannot end before it starts.",
            ),
        ),
    ]
