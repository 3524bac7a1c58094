from django.db import migrations, models

import core.db.operations


class Migration(migrations.Migration):
    # An index that does not block writes is not made in a transaction.
    atomic = False

    dependencies = [
        ("courses", "0011_course_dates_in_order"),
    ]

    operations = [
        core.db.operations.AddUniqueWithoutBlocking(
            model_name="course",
            constraint=models.UniqueConstraint(
                fields=("term", "code", "section"),
                name="course_section_unique_in_term",
                violation_error_code="unique",
                violation_error_message=(
                    "This term already has a course with this code and section."
                ),
            ),
        ),
        migrations.RemoveConstraint(model_name="course", name="course_code_unique_in_term"),
    ]
