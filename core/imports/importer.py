"""What every import of rows from a CSV file shares: all or nothing, and each bad line is told."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, TextIO, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import BooleanField, CheckConstraint, Q
from django.utils.translation import gettext as _
from tqdm import tqdm

from core.history.bulk import BATCH_SIZE, record_history
from core.history.models import HistoryModel
from core.imports.csv_reader import ImportRejected, RowErrors, read_rows

M = TypeVar("M", bound=HistoryModel)
T = TypeVar("T")
Key = tuple[Any, ...]
BOOLEAN_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def in_batches(rows: Iterable[T], unit: str, size: int) -> Iterator[list[T]]:
    """`rows` in lists of at most `size`; shows the progress on a terminal."""
    left = iter(tqdm(rows, desc=_("writing"), unit=f" {unit}", disable=None))
    while batch := list(islice(left, size)):
        yield batch


class CsvImporter(Generic[M]):
    """The rows of a file for one model, told apart by the attributes `key`.

    `links` names the columns that hold the natural key of another row: the attribute, and the ids by that key.
    """

    def __init__(
        self,
        model: type[M],
        key: Sequence[str],
        file: TextIO,
        required: Sequence[str],
        optional: Sequence[str],
        links: Mapping[str, tuple[str, Mapping[str, int]]] | None = None,
    ) -> None:
        self.model, self.key, self.links = model, key, links or {}
        self.errors = RowErrors()
        self.columns, records = read_rows(file, required, optional, self.errors)
        self.names = [
            self.links[column][0] if column in self.links else column for column in self.columns
        ]
        # By key: the number of the line, and its values in the order of `names`.
        self.rows: dict[Key, tuple[int, Key]] = {}
        if not self.errors:
            self._collect(records)

    def _collect(self, records: Iterator[tuple[int, list[str]]]) -> None:
        cleaners = [self._cleaner(column) for column in self.columns]
        places = [self.names.index(name) for name in self.key]
        for line, cells in records:
            values = self._clean(line, cells, cleaners)
            if values is None:
                continue
            key = tuple(values[place] for place in places)
            first, _values = self.rows.setdefault(key, (line, values))
            if first != line:
                column = self.columns[places[-1]]
                self.errors.add(
                    line,
                    _("The same one is on line %d already.") % first,
                    column,
                    cells[places[-1]],
                )

    def _cleaner(self, column: str) -> Callable[[str], Any]:
        if column in self.links:
            return foreign_key_parser(self.links[column][1])
        return field_parser(self.model._meta.get_field(column))

    def _clean(
        self, line: int, cells: Sequence[str], cleaners: Sequence[Callable[[str], Any]]
    ) -> Key | None:
        values = []
        for column, cell, clean in zip(self.columns, cells, cleaners, strict=True):
            try:
                values.append(clean(cell))
            except ValidationError as error:
                self.errors.add(line, error, column, cell)
        return tuple(values) if len(values) == len(cells) else None

    def write(self) -> Counter[str]:
        """Write all rows, or none. Answers how many were created, changed, unchanged. Raises Rejected."""
        if self.errors and not self.rows:
            raise ImportRejected(self.errors)
        counts = Counter(created=0, changed=0, unchanged=0)
        try:
            with transaction.atomic():
                ids = self._ids()
                self.check(ids)
                # Rows are locked in the order of their ids; new ones come last.
                for keys in in_batches(
                    sorted(self.rows, key=lambda key: ids.get(key, 2**63)),
                    str(self.model._meta.verbose_name_plural),
                    BATCH_SIZE,
                ):
                    counts.update(self._write_batch(keys, ids))
                if not self.errors:
                    self.check_again()
                if self.errors:
                    raise ImportRejected(self.errors)
        except IntegrityError as error:
            reason = str(error).splitlines()[0]
            self.errors.add(
                0,
                _(
                    "The database refused it (%s). Somebody was changing the same rows; send the file again."
                )
                % reason,
            )
            raise ImportRejected(self.errors) from error
        return counts

    def check(self, ids: Mapping[Key, int]) -> None:
        """Tell `faults` what is wrong between rows. `ids` are those of the rows that exist, by key."""

    def check_again(self) -> None:
        """The same when all rows are written: somebody else may have written meanwhile too."""

    def _ids(self) -> dict[Key, int]:
        ids: dict[Key, int] = {}
        keys = iter(self.rows)
        while batch := list(islice(keys, BATCH_SIZE)):
            some = {
                f"{name}__in": set(values)
                for name, values in zip(self.key, zip(*batch, strict=True), strict=True)
            }
            found = self.model._base_manager.filter(**some).values_list(*self.key, "pk")
            ids.update((key, pk) for *parts, pk in found if (key := tuple(parts)) in self.rows)
        return ids

    def _write_batch(self, keys: Sequence[Key], ids: Mapping[Key, int]) -> dict[str, int]:
        queryset = self.model._base_manager.filter(pk__in=[ids[key] for key in keys if key in ids])
        held = {
            tuple(getattr(row, name) for name in self.key): row
            for row in queryset.order_by("pk").select_for_update(no_key=True)
        }
        created = [self._new(key) for key in keys if key not in held]
        changes = [
            (row, names)
            for key, row in held.items()
            if key in self.rows and (names := self._change(row, key))
        ]
        if not self.errors:
            self.model._base_manager.bulk_create(created, batch_size=BATCH_SIZE)
            record_history(self.model, created, changed=False)
            self._update(changes)
        return {
            "created": len(created),
            "changed": len(changes),
            "unchanged": len(keys) - len(created) - len(changes),
        }

    def _update(self, changes: Sequence[tuple[M, Sequence[str]]]) -> None:
        if not changes:
            return
        rows = [row for row, _names in changes]
        self.model._base_manager.bulk_update(
            rows, {name for _row, names in changes for name in names}, batch_size=BATCH_SIZE
        )
        record_history(self.model, rows, changed=True)

    def _new(self, key: Key) -> M:
        line, values = self.rows[key]
        row = self.model(**dict(zip(self.names, values, strict=True)))
        self._check_row(row, line)
        return row

    def _change(self, row: M, key: Key) -> list[str]:
        """Give `row` what its line says. Answers the names of what is different."""
        line, values = self.rows[key]
        different = {
            name: value
            for name, value in zip(self.names, values, strict=True)
            if getattr(row, name) != value
        }
        for name, value in different.items():
            setattr(row, name, value)
        if different:
            self._check_row(row, line)
        return list(different)

    def _check_row(self, row: M, line: int) -> None:
        """Tell `faults` which constraints between columns `row` breaks; the columns alone were checked when they were read."""
        for constraint in self.model._meta.constraints:
            if (
                not isinstance(constraint, CheckConstraint)
                or len(Q(constraint.condition).referenced_base_fields) < 2
            ):
                continue
            try:
                constraint.validate(self.model, row)
            except ValidationError as error:
                column = self.model.error_fields.get(error.code or "", "")
                self.errors.add(line, error, column, getattr(row, column, ""))


def foreign_key_parser(ids: Mapping[str, int]) -> Callable[[str], int]:
    """Reads the natural key of another row as its id. What it makes raises ValidationError."""

    def clean(text: str) -> int:
        if text not in ids:
            raise ValidationError(_("There is none with this code or number."))
        return ids[text]

    return clean


def field_parser(field: Any) -> Callable[[str], Any]:
    """Reads a cell as a value of the model's `field`, by its own rules. What it makes raises ValidationError."""

    def switch(text: str) -> bool:
        if text.lower() not in BOOLEAN_WORDS:
            raise ValidationError(_("This must be true or false."))
        return BOOLEAN_WORDS[text.lower()]

    def clean(text: str) -> Any:
        return field.clean(None if field.null and not text else text, None)

    return switch if isinstance(field, BooleanField) else clean
