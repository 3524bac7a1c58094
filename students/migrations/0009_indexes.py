from django.db import migrations, models

import core.db.operations


class Migration(migrations.Migration):
    # An index that does not keep others from writing is not made in a transaction.
    atomic = False

    dependencies = [
        ("students", "0008_fewer_indexes"),
    ]

    operations = [
        core.db.operations.AddIndexWithoutBlocking(
            model_name="enrollment",
            index=models.Index(
                condition=models.Q(("status", "waitlisted")),
                fields=["course", "enrolled_at", "id"],
                name="enrollment_waiting",
            ),
        ),
        core.db.operations.AddIndexWithoutBlocking(
            model_name="student",
            index=models.Index(fields=["last_name", "first_name", "id"], name="student_by_name"),
        ),
        core.db.operations.AddIndexWithoutBlocking(
            model_name="student",
            index=models.Index(fields=["email", "id"], name="student_by_email"),
        ),
        core.db.operations.RemoveIndexWithoutBlocking(
            model_name="student",
            name="student_by_last_name",
        ),
    ]
