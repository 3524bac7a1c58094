from django.db import migrations

import core.db.search


class Migration(migrations.Migration):
    # An index that does not keep others from writing is not made in a transaction.
    atomic = False

    dependencies = [
        ("courses", "0004_search_functions"),
    ]

    operations = [
        core.db.search.AddWordIndex(
            model_name="course",
            index=core.db.search.WordIndex(
                core.db.search.WordPrefixes("code", "title"), name="course_by_word"
            ),
        ),
    ]
