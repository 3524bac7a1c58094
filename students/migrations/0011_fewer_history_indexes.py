import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0006_fewer_indexes"),
        ("students", "0010_history_by_course"),
    ]

    operations = [
        migrations.AlterField(
            model_name="historicalenrollment",
            name="course",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="courses.course",
                verbose_name="course",
            ),
        ),
    ]
