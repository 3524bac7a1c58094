"""What all people of a school have in the database: a number and a name of two parts."""

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

number_validator = RegexValidator(
    r"\A\w[\w .+/&-]*\Z",
    _(
        "A number begins with a letter or digit; then letters, digits, spaces and "
        ". + / & - _ may follow."
    ),
)
# The order of people by name.
NAME_ORDER = ("name_key", "last_name", "first_name")


class NamedPerson:
    """A mixin for models with `number`, `first_name` and `last_name`."""

    number: str
    first_name: str
    last_name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"

    @property
    def name(self) -> str:
        """The first and the last name, either of which may be missing."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def name_by_last(self) -> str:
        """The name as lists show it: "Lee, Ann"."""
        return ", ".join(part for part in (self.last_name, self.first_name) if part)
