"""Imports people, each of whom has a number and an email of their own."""

from collections.abc import Mapping
from itertools import islice

from django.db.models import Value
from django.db.models.functions import Concat, Lower
from django.utils.translation import gettext as _

from core.history.bulk import BATCH_SIZE
from core.imports.importer import CsvImporter, Key, M


class PeopleImporter(CsvImporter[M]):
    """The people of a file, by number. Each email belongs to one, compared without case."""

    def check_rows(self, ids: Mapping[Key, int]) -> None:
        if "email" not in self.names:
            return
        people = self.model._base_manager
        owners = self._get_owners()
        moving = []
        emails = iter(owners)
        while batch := list(islice(emails, BATCH_SIZE)):
            held = people.annotate(address=Lower("email")).filter(address__in=batch)
            for number, address in held.values_list("number", "address"):
                owner, line = owners[address]
                if (number,) not in self.rows:
                    self.errors.add(line, self.get_taken_message(number), "email", address)
                elif number != owner:
                    moving.append(number)
        # These people get another address by this file, and theirs goes to somebody else.
        # Until each has the new one, a placeholder keeps the addresses unique.
        people.filter(number__in=moving).update(email=Concat(Value("moving-"), "number"))

    def get_taken_message(self, number: str) -> str:
        """The error of a line whose email somebody with this number has."""
        raise NotImplementedError

    def _get_owners(self) -> dict[str, tuple[str, int]]:
        """The person's number and line for each email of the file, by the email."""
        number, email = self.names.index("number"), self.names.index("email")
        owners: dict[str, tuple[str, int]] = {}
        for line, values in self.rows.values():
            if not values[email]:
                continue
            _owner, first = owners.setdefault(values[email].lower(), (values[number], line))
            if first != line:
                self.errors.add(
                    line, _("The same one is on line %d already.") % first, "email", values[email]
                )
        return owners
