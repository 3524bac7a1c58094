from django.db import migrations

import courses.search


class Migration(migrations.Migration):
    # An index that does not keep others from writing is not made in a transaction.
    atomic = False

    dependencies = [
        ("courses", "0004_search_functions"),
    ]

    operations = [
        courses.search.AddWordIndex(
            model_name="course",
            index=courses.search.WordIndex(courses.search.Beginnings("code", "title"), name="course_by_word"),
        ),
    ]
