from django.db import migrations

import courses.shared.search


class Migration(migrations.Migration):
    # An index that does not keep others from writing is not made in a transaction.
    atomic = False

    dependencies = [
        ("courses", "0004_search_functions"),
    ]

    operations = [
        courses.shared.search.AddWordIndex(
            model_name="course",
            index=courses.shared.search.WordIndex(courses.shared.search.Beginnings("code", "title"), name="course_by_word"),
        ),
    ]
