"""Imports the rows of a CSV file into one model: all of them or, if any line is bad, none."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, TextIO, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import BooleanField, CheckConstraint, Q
from django.utils.translation import gettext as _
from tqdm import tqdm

from core.db.search import set_derived_fields, with_derived_fields
from core.db.transactions import atomic_with_reruns, held_locks
from core.history.bulk import BATCH_SIZE, record_history
from core.history.models import HistoryModel
from core.ids import MAX_ID
from core.imports.csv_reader import ImportRejected, RowErrors, read_rows
from core.text import clean_line

M = TypeVar("M", bound=HistoryModel)
T = TypeVar("T")
# The values of the columns that identify a row.
Key = tuple[Any, ...]
CellParser = Callable[[str], Any]
# The value of a blank cell in an optional column whose field cannot be blank: as if the line had
# no such column.
MISSING: Any = object()
BOOLEAN_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def progress_bar(unit: str, total: int) -> "tqdm[Any]":
    """A progress bar on a terminal."""
    return tqdm(total=total, desc=_("writing"), unit=f" {unit}", disable=None)


def in_batches(rows: list[T], unit: str, size: int) -> Iterator[list[T]]:
    """Split `rows` into lists of at most `size`, with a progress bar on a terminal."""
    with progress_bar(unit, total=len(rows)) as bar:
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            yield batch
            bar.update(len(batch))


class CsvImporter(Generic[M]):
    """The rows of one CSV file for one model.

    `key` names the attributes that identify a row: existing rows are changed, others created.
    A column of the key may be optional; without it, the other columns identify a row.
    `required` and `optional` name the columns. `links` describes columns that hold the natural
    key of a related row: by column, the attribute of its id, and the ids by natural key.
    `related` are the parsers of columns that are no attributes of the model: see `write_related`.
    With `skipped`, bad lines are added to it and left out.
    """

    def __init__(
        self,
        model: type[M],
        key: Sequence[str],
        file: TextIO,
        required: Sequence[str],
        optional: Sequence[str],
        links: Mapping[str, tuple[str, Mapping[str, int]]] | None = None,
        related: Mapping[str, CellParser] | None = None,
        skipped: RowErrors | None = None,
    ) -> None:
        self.model, self.links, self.related = model, links or {}, related or {}
        self.optional = set(optional)
        self.errors = RowErrors() if skipped is None else skipped
        self.skips = skipped is not None
        self.columns, records = read_rows(file, required, optional, self.errors)
        # The attribute of the model for each column.
        self.names = [
            self.links[column][0] if column in self.links else column for column in self.columns
        ]
        self.key = [name for name in key if name in self.names]
        # By key: the line number, and the values in the order of `names`.
        self.rows: dict[Key, tuple[int, Key]] = {}
        if not self.errors:
            self._read_rows(records)

    def _read_rows(self, records: Iterator[tuple[int, list[str]]]) -> None:
        parsers = [self._get_parser(column) for column in self.columns]
        key_positions = [self.names.index(name) for name in self.key]
        for line, cells in records:
            values = self._parse(line, cells, parsers)
            if values is None:
                continue
            key = tuple(values[position] for position in key_positions)
            first_line, _values = self.rows.setdefault(key, (line, values))
            if first_line != line:
                self.errors.add(
                    line,
                    _("The same one is on line %d already.") % first_line,
                    self.columns[key_positions[-1]],
                    cells[key_positions[-1]],
                )

    def _get_parser(self, column: str) -> CellParser:
        if column in self.links:
            return foreign_key_parser(self.links[column][1])
        if column in self.related:
            return self.related[column]
        field: Any = self.model._meta.get_field(column)
        parse = field_parser(field)
        if column not in self.optional or field.blank or field.null:
            return parse
        return lambda cell: parse(cell) if cell else MISSING

    def _parse(self, line: int, cells: Sequence[str], parsers: Sequence[CellParser]) -> Key | None:
        """The values of a line; None if one of them is wrong."""
        values = []
        for column, cell, parse in zip(self.columns, cells, parsers, strict=True):
            try:
                values.append(parse(cell))
            except ValidationError as error:
                self.errors.add(line, error, column, cell)
        return tuple(values) if len(values) == len(cells) else None

    def drop_bad_rows(self) -> None:
        """Leave out the rows that have errors."""
        bad = self.errors.lines
        self.rows = {key: row for key, row in self.rows.items() if row[0] not in bad}

    @property
    def is_rejected(self) -> bool:
        """Whether nothing can be written, because of the errors until now."""
        return bool(self.errors) and (not self.skips or self.errors.unreadable)

    def write(self) -> Counter[str]:
        """Write all rows in one transaction.

        Returns the numbers of `created`, `changed` and `unchanged` rows. Raises ImportRejected.
        """
        if self.is_rejected and not self.rows:
            raise ImportRejected(self.errors)
        try:
            return self._write_rows()
        except IntegrityError as error:
            reason = str(error).splitlines()[0]
            message = _(
                "The database refused it (%s). Somebody was changing the same rows; "
                "send the file again."
            )
            self.errors.add(0, message % reason)
            raise ImportRejected(self.errors) from error

    @atomic_with_reruns
    def _write_rows(self) -> Counter[str]:
        counts = Counter(created=0, changed=0, unchanged=0)
        ids = self._get_ids()
        self.lock_rows(ids)
        self.check_rows(ids)
        if self.skips:
            self.drop_bad_rows()
        # New rows come last.
        keys = sorted(self.rows, key=lambda key: ids.get(key, MAX_ID + 1))
        unit = str(self.model._meta.verbose_name_plural)
        for batch in in_batches(keys, unit, BATCH_SIZE):
            counts.update(self._write_batch(batch, ids))
        skipped = len(self.errors.lines)
        if not self.is_rejected:
            self.check_written_rows()
        if self.is_rejected or len(self.errors.lines) > skipped:
            raise ImportRejected(self.errors)
        return counts

    def lock_rows(self, ids: Mapping[Key, int]) -> None:
        """Lock the existing rows in the order of their ids, as everywhere.

        All of them, before one is written: what follows from a change may lock other rows.
        """
        keys = iter(sorted(ids.values()))
        while batch := list(islice(keys, BATCH_SIZE)):
            rows = self.model._base_manager.filter(pk__in=batch).order_by("pk")
            list(rows.select_for_update(no_key=True).values_list("pk"))
        held_locks()[self.model].update(ids.values())

    def check_rows(self, ids: Mapping[Key, int]) -> None:
        """Add errors between rows to `errors`. `ids` has the ids of existing rows, by key."""

    def check_written_rows(self) -> None:
        """Check once more after writing, because other transactions may have committed."""

    def write_related(self, rows: Mapping[Key, M]) -> set[Key]:
        """Write what the `related` columns say about `rows`, which are saved and locked.

        Returns the keys of those that changed by that.
        """
        return set()

    def _get_ids(self) -> dict[Key, int]:
        """The ids of the rows of the file that exist, by key."""
        ids: dict[Key, int] = {}
        keys = iter(self.rows)
        while batch := list(islice(keys, BATCH_SIZE)):
            # Each attribute is matched alone: this finds too many rows, filtered below.
            condition = {
                f"{name}__in": set(values)
                for name, values in zip(self.key, zip(*batch, strict=True), strict=True)
            }
            found = self.model._base_manager.filter(**condition).values_list(*self.key, "pk")
            for *values, pk in found:
                if tuple(values) in self.rows:
                    ids[tuple(values)] = pk
        return ids

    def _write_batch(self, keys: Sequence[Key], ids: Mapping[Key, int]) -> dict[str, int]:
        """Create and change the rows with these keys; count them."""
        queryset = self.model._base_manager.filter(pk__in=[ids[key] for key in keys if key in ids])
        existing: dict[Key, M] = {}
        for row in queryset.order_by("pk"):
            existing[tuple(getattr(row, name) for name in self.key)] = row
        created = {key: self._create_instance(key) for key in keys if key not in existing}
        changed: dict[Key, M] = {}
        changed_names: set[str] = set()
        for key, row in existing.items():
            # The key of a row may have changed since `_get_ids`.
            names = self._change_instance(row, key) if key in self.rows else []
            if names:
                set_derived_fields(row)
                changed[key] = row
                changed_names.update(with_derived_fields(self.model, names))
        if self.skips:
            self.drop_bad_rows()
            created = {key: row for key, row in created.items() if key in self.rows}
            changed = {key: row for key, row in changed.items() if key in self.rows}
            existing = {key: row for key, row in existing.items() if key in self.rows}
        changed_keys = set(changed)
        if not self.is_rejected:
            self.model._base_manager.bulk_create(created.values(), batch_size=BATCH_SIZE)
            record_history(self.model, created.values(), changed=False)
            if changed:
                self.model._base_manager.bulk_update(
                    changed.values(), changed_names, batch_size=BATCH_SIZE
                )
                record_history(self.model, changed.values(), changed=True)
            changed_keys |= self.write_related({**existing, **created}) - created.keys()
        return {
            "created": len(created),
            "changed": len(changed_keys),
            "unchanged": sum(key in self.rows for key in keys) - len(created) - len(changed_keys),
        }

    def _create_instance(self, key: Key) -> M:
        line, values = self.rows[key]
        row = self.model(**dict(self._get_attributes(values)))
        self.check_values(row, line)
        return row

    def _get_attributes(self, values: Key) -> Iterator[tuple[str, Any]]:
        """The attributes of the model that a line with these values gives."""
        for name, value in zip(self.names, values, strict=True):
            if value is not MISSING and name not in self.related:
                yield name, value

    def _change_instance(self, row: M, key: Key) -> list[str]:
        """Set the values of its line on `row`. Returns the names of attributes that differed."""
        line, values = self.rows[key]
        names = []
        for name, value in self._get_attributes(values):
            if getattr(row, name) != value:
                setattr(row, name, value)
                names.append(name)
        if names:
            self.check_values(row, line)
        return names

    def check_values(self, row: M, line: int) -> None:
        """Add errors between the columns of a row; `_parse` has checked each column alone."""
        for constraint in self.model._meta.constraints:
            if not isinstance(constraint, CheckConstraint):
                continue
            if len(Q(constraint.condition).referenced_base_fields) < 2:
                continue
            try:
                constraint.validate(self.model, row)
            except ValidationError as error:
                column = self.model.error_fields.get(error.code or "", "")
                self.errors.add(line, error, column, getattr(row, column, ""))


def foreign_key_parser(ids: Mapping[str, int]) -> CellParser:
    """A function from the natural key of a related row to its id. It raises ValidationError."""

    def parse(text: str) -> int:
        key = clean_line(text)
        if key not in ids:
            raise ValidationError(_("There is none with this code or number."))
        return ids[key]

    return parse


def field_parser(field: Any) -> CellParser:
    """A function from a cell to a valid value of the model `field`. It raises ValidationError."""

    def parse_boolean(text: str) -> bool:
        if text.lower() not in BOOLEAN_WORDS:
            raise ValidationError(_("This must be true or false."))
        return BOOLEAN_WORDS[text.lower()]

    def parse(text: str) -> Any:
        return field.clean(None if field.null and not text else text, None)

    return parse_boolean if isinstance(field, BooleanField) else parse
