"""manage.py fill_derived_fields: fill the search and sort keys of rows written by raw SQL."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandParser

from core.db.search import DerivedField
from core.db.search_migrations import fill_derived_fields


class Command(BaseCommand):
    help = (
        "Fills the fields that are derived from others (search_key, name_key, code_key) in rows "
        "that were inserted by raw SQL or another program. Without them a row is not found by a "
        "search and is sorted first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--all",
            action="store_true",
            help="Read every row, also to correct keys of rows that raw SQL has changed.",
        )

    def handle(self, **options: Any) -> None:
        for model in apps.get_models():
            if any(isinstance(field, DerivedField) for field in model._meta.concrete_fields):
                number = fill_derived_fields(model, every_row=options["all"])
                self.stdout.write(f"{model._meta.verbose_name_plural}: {number} filled")
