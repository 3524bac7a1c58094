from django.db import migrations, models


def overridden():
    return models.JSONField(
        blank=True,
        db_default=[],
        default=list,
        editable=False,
        help_text="Codes of the refusals that were overridden for this enrollment.",
        verbose_name="overridden",
    )


def waitlist_number():
    return models.BigIntegerField(
        blank=True, editable=False, null=True, verbose_name="waitlist number"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0008_one_form_of_text"),
        ("students", "0016_search_keys"),
    ]

    operations = [
        migrations.AddField("enrollment", "overridden", overridden()),
        migrations.AddField("enrollment", "waitlist_number", waitlist_number()),
        migrations.AddField("historicalenrollment", "overridden", overridden()),
        migrations.AddField("historicalenrollment", "waitlist_number", waitlist_number()),
    ]
