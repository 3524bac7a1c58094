from django.db import migrations

from core.db.normalization import normalize_rows, report
from core.text import clean_email, clean_line


def normalize_texts(apps, schema_editor):
    report(
        normalize_rows(
            apps.get_model("students", "Student"),
            apps.get_model("students", "HistoricalStudent"),
            {
                "number": clean_line,
                "first_name": clean_line,
                "last_name": clean_line,
                "email": clean_email,
            },
            {("number",): tuple, ("email",): lambda key: (key[0].lower(),)},
        )
    )


class Migration(migrations.Migration):
    # Rows are changed in batches, so that nobody waits for all of them.
    atomic = False

    dependencies = [
        ("students", "0013_names_of_one_part"),
    ]

    operations = [migrations.RunPython(normalize_texts, migrations.RunPython.noop)]
