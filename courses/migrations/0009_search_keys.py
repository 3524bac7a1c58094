from django.db import migrations

import core.db.search
from core.db.search import make_search_key
from core.db.search_migrations import analyze, create_function, drop_function, fill_keys
from core.text import get_sort_key


def fill(apps, schema_editor):
    fill_keys(
        schema_editor,
        apps.get_model("courses", "Term"),
        {"search_key": lambda code, name: make_search_key([code], [name])},
        "code",
        "name",
    )
    fill_keys(
        schema_editor,
        apps.get_model("courses", "Course"),
        {
            "search_key": lambda code, title: make_search_key([code], [title]),
            "code_key": lambda code, title: get_sort_key(code),
        },
        "code",
        "title",
    )


def analyze_courses(apps, schema_editor):
    analyze(schema_editor, apps.get_model("courses", "Course"))


class Migration(migrations.Migration):
    # An index that does not block writes is not made in a transaction.
    atomic = False

    dependencies = [
        ("courses", "0008_one_form_of_text"),
    ]

    operations = [
        migrations.AddField("term", "search_key", core.db.search.SearchKeyField()),
        migrations.AddField("course", "search_key", core.db.search.SearchKeyField()),
        migrations.AddField("course", "code_key", core.db.search.SortKeyField()),
        migrations.AlterModelOptions(
            name="course",
            options={
                "ordering": ["term", "code_key", "code"],
                "verbose_name": "course",
                "verbose_name_plural": "courses",
            },
        ),
        migrations.RunPython(create_function, drop_function),
        migrations.RunPython(fill, migrations.RunPython.noop),
        core.db.search.AddWordIndex(
            model_name="course",
            index=core.db.search.WordIndex(
                core.db.search.SearchKeyPrefixes("search_key"), name="course_by_search_key"
            ),
        ),
        core.db.search.RemoveWordIndex(model_name="course", name="course_by_word"),
        migrations.RunPython(analyze_courses, migrations.RunPython.noop),
    ]
