from django.db import migrations, models

import core.db.operations

# Microseconds since 1970: the order by number stays that of the time of arrival.
MICROSECONDS = {
    "postgresql": "(extract(epoch FROM enrolled_at) * 1000000)::bigint",
    "sqlite": "CAST(strftime('%s', substr(enrolled_at, 1, 19)) AS INTEGER) * 1000000"
    " + CAST(substr(enrolled_at, 21, 6) AS INTEGER)",
}


def number_waitlists(apps, schema_editor):
    number = MICROSECONDS[schema_editor.connection.vendor]
    for name in ("Enrollment", "HistoricalEnrollment"):
        table = schema_editor.quote_name(apps.get_model("students", name)._meta.db_table)
        # In Python's format, so that the % of strftime is none of a parameter.
        schema_editor.execute(
            f"UPDATE {table} SET waitlist_number = {number} "  # noqa: S608
            "WHERE status = 'waitlisted' AND waitlist_number IS NULL",
            params=None,
        )


class Migration(migrations.Migration):
    # An index that does not block writes cannot be created in a transaction.
    atomic = False

    dependencies = [("students", "0017_overrides_and_waitlist_numbers")]

    operations = [
        migrations.RunPython(number_waitlists, migrations.RunPython.noop),
        core.db.operations.AddIndexWithoutBlocking(
            model_name="enrollment",
            index=models.Index(
                condition=models.Q(("status", "waitlisted")),
                fields=["course", "waitlist_number", "id"],
                name="enrollment_by_waitlist",
            ),
        ),
        core.db.operations.RemoveIndexWithoutBlocking(
            model_name="enrollment", name="enrollment_waiting"
        ),
    ]
