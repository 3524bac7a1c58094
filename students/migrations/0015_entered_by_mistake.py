"""A withdrawn enrollment can be marked as entered by mistake."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0007_quicker_search_function"),
        ("students", "0014_one_form_of_text"),
    ]

    operations = [
        migrations.AddField(
            model_name="enrollment",
            name="by_mistake",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="The enrollment was an error and was withdrawn: the student never attended.",
                verbose_name="entered by mistake",
            ),
        ),
        migrations.AddField(
            model_name="historicalenrollment",
            name="by_mistake",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="The enrollment was an error and was withdrawn: the student never attended.",
                verbose_name="entered by mistake",
            ),
        ),
        migrations.AddConstraint(
            model_name="enrollment",
            constraint=models.CheckConstraint(
                condition=models.Q(("by_mistake", False), ("status", "withdrawn"), _connector="OR"),
                name="enrollment_mistake_is_withdrawn",
                violation_error_message="Only a withdrawn enrollment can be a mistake.",
            ),
        ),
    ]
