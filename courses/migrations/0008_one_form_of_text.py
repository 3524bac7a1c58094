from django.db import migrations

from core.db.normalization import normalize_rows, report
from core.text import clean_line, normalize


def clean_codes(codes):
    return list(dict.fromkeys(map(clean_line, codes)))


def normalize_texts(apps, schema_editor):
    def model(name):
        return apps.get_model("courses", name)

    report(
        normalize_rows(
            model("Term"),
            model("HistoricalTerm"),
            {"code": clean_line, "name": clean_line},
            {("code",): tuple},
        )
    )
    report(
        normalize_rows(
            model("Course"),
            model("HistoricalCourse"),
            {
                "code": clean_line,
                "title": clean_line,
                "description": normalize,
                "prerequisites": clean_codes,
            },
            {("term_id", "code"): tuple},
        )
    )


class Migration(migrations.Migration):
    # Rows are changed in batches, so that nobody waits for all of them.
    atomic = False

    dependencies = [
        ("courses", "0007_quicker_search_function"),
    ]

    operations = [migrations.RunPython(normalize_texts, migrations.RunPython.noop)]
