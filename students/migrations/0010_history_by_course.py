from django.db import migrations, models

import core.db.operations


class Migration(migrations.Migration):
    # An index that does not keep others from writing is not made in a transaction.
    atomic = False

    dependencies = [
        ("students", "0009_indexes"),
    ]

    operations = [
        core.db.operations.AddIndexWithoutBlocking(
            model_name="historicalenrollment",
            index=models.Index(fields=["course", "history_id"], name="history_by_course"),
        ),
    ]
