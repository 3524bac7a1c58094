from django.db import migrations


class Migration(migrations.Migration):
    """The record of access becomes a model of the app `accounts`. The table and its rows stay as they are."""

    dependencies = [
        ("students", "0011_fewer_history_indexes"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel(name="AccessChange")]
        ),
    ]
