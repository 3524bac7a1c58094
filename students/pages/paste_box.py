"""The box of a form into which a list is pasted. It keeps the lines that are to be corrected."""

from collections.abc import Iterable, Sequence

from django.http import QueryDict

from students.pages.pasted_list import ParsedList, Problem, Reason, Source, correct, parse
from students.pages.pasted_names import NameFinder

# Problems that the page lists one by one; the others are counted.
MAX_LISTED_PROBLEMS = 50


class PasteBox:
    """What was pasted, as the template `students/_paste_box.html` shows it."""

    def __init__(self, parsed: ParsedList) -> None:
        self.sources: dict[int, Source] = parsed.sources
        self.problems: Sequence[Problem] = parsed.problems

    @classmethod
    def read(cls, data: QueryDict, finder: NameFinder) -> "PasteBox":
        """Read the field `paste` of a sent form, with the corrections ticked in `correct`."""
        return cls(parse(correct(data.get("paste", ""), data.getlist("correct")), finder))

    def add_to(self, data: QueryDict, field: str) -> None:
        """Add the ids that are named to those in `field` of the sent form."""
        ids = [*data.getlist(field), *map(str, self.sources)]
        data.setlist(field, list(dict.fromkeys(ids)))

    def leave_out(self, ids: Iterable[int], reason: Reason) -> None:
        """Make the parts that name `ids` problems."""
        problems = [Problem(self.sources.pop(pk), reason) for pk in ids]
        self.problems = sorted([*self.problems, *problems], key=lambda each: each.source.line)

    @property
    def text(self) -> str:
        """What is to be corrected."""
        return "\n".join(problem.source.text for problem in self.problems)

    @property
    def listed(self) -> Sequence[Problem]:
        return self.problems[:MAX_LISTED_PROBLEMS]

    @property
    def more(self) -> int:
        """The number of problems that are not listed."""
        return len(self.problems[MAX_LISTED_PROBLEMS:])
