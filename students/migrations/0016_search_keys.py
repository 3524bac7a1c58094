from django.db import migrations, models

import core.db.operations
import core.db.search
from core.db.search import make_search_key
from core.db.search_migrations import analyze, fill_keys
from core.text import get_sort_key


def make_student_search_key(number, first_name, last_name, email):
    return make_search_key([number, first_name, last_name], [email])


def make_name_key(number, first_name, last_name, email):
    return get_sort_key(last_name, first_name)


def fill(apps, schema_editor):
    fill_keys(
        schema_editor,
        apps.get_model("students", "Student"),
        {"search_key": make_student_search_key, "name_key": make_name_key},
        "number",
        "first_name",
        "last_name",
        "email",
    )


def analyze_students(apps, schema_editor):
    analyze(schema_editor, apps.get_model("students", "Student"))


class Migration(migrations.Migration):
    # An index that does not block writes is not made in a transaction.
    atomic = False

    dependencies = [
        ("courses", "0009_search_keys"),
        ("students", "0015_entered_by_mistake"),
    ]

    operations = [
        migrations.AddField("student", "search_key", core.db.search.SearchKeyField()),
        migrations.AddField("student", "name_key", core.db.search.SortKeyField()),
        migrations.AlterModelOptions(
            name="student",
            options={
                "ordering": ["name_key", "last_name", "first_name", "pk"],
                "verbose_name": "student",
                "verbose_name_plural": "students",
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        core.db.search.AddWordIndex(
            model_name="student",
            index=core.db.search.WordIndex(
                core.db.search.SearchKeyPrefixes("search_key"), name="student_by_search_key"
            ),
        ),
        core.db.operations.AddIndexWithoutBlocking(
            model_name="student",
            index=models.Index(
                fields=["name_key", "last_name", "first_name", "id"], name="student_by_name_key"
            ),
        ),
        core.db.search.RemoveWordIndex(model_name="student", name="student_by_word"),
        core.db.operations.RemoveIndexWithoutBlocking(model_name="student", name="student_by_name"),
        migrations.RunPython(analyze_students, migrations.RunPython.noop),
    ]
