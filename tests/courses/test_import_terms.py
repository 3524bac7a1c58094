"""The import of terms, and how all CSV files are read."""

import sys
from datetime import date
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from core.imports import csv_reader
from courses.factories import TermFactory
from courses.models import Term
from tests.importing import faults_of, import_csv

pytestmark = pytest.mark.django_db
HEADER = "code,name,starts_on,ends_on\n"
FALL = "2026-FA,Fall 2026,2026-09-01,2026-12-31\n"
SPRING = "2027-SP,Spring 2027,2027-01-10,2027-05-31\n"


class TestRows:
    def test_creates_terms(self) -> None:
        assert (
            import_csv("terms", HEADER + FALL + SPRING)
            == "terms: 2 created, 0 changed, 0 unchanged"
        )
        term = Term.objects.get(code="2026-FA")
        assert (term.name, term.starts_on, term.ends_on) == (
            "Fall 2026",
            date(2026, 9, 1),
            date(2026, 12, 31),
        )
        assert (term.enrollment_opens_on, term.enrollment_closes_on) == (None, None)

    def test_reads_the_enrollment_window(self) -> None:
        import_csv("terms", f"enrollment_closes_on,enrollment_opens_on,{HEADER}2026-09-20,,{FALL}")
        term = Term.objects.get()
        assert (term.enrollment_opens_on, term.enrollment_closes_on) == (None, date(2026, 9, 20))

    def test_a_second_import_changes_nothing(self) -> None:
        import_csv("terms", HEADER + FALL)
        assert import_csv("terms", HEADER + FALL) == "terms: 0 created, 0 changed, 1 unchanged"
        assert Term.history.count() == 1

    def test_changes_different_values_and_keeps_absent_columns(self) -> None:
        term = TermFactory(code="2026-FA", enrollment_opens_on=date(2026, 8, 1))
        assert import_csv("terms", HEADER + FALL) == "terms: 0 created, 1 changed, 0 unchanged"
        term.refresh_from_db()
        assert (term.name, term.enrollment_opens_on) == ("Fall 2026", date(2026, 8, 1))
        assert [record.history_type for record in term.history.order_by("history_id")] == ["+", "~"]

    def test_an_empty_cell_removes_the_value(self) -> None:
        TermFactory(code="2026-FA", enrollment_opens_on=date(2026, 8, 1))
        import_csv("terms", f"enrollment_opens_on,{HEADER},{FALL}")
        assert Term.objects.get().enrollment_opens_on is None

    def test_records_the_door_and_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "terms of 2026.csv"
        file.write_text(HEADER + FALL)
        call_command("import_csv", "terms", str(file), stdout=StringIO())
        record = Term.history.get()
        assert (record.door, record.history_change_reason, record.history_user) == (
            "import",
            "Import of terms of 2026.csv",
            None,
        )

    def test_queries_do_not_grow_with_existing_rows(
        self, django_assert_max_num_queries: object
    ) -> None:
        rows = "".join(f"T{n},Term {n},2026-09-01,2026-12-31\n" for n in range(50))
        import_csv("terms", HEADER + rows)
        with django_assert_max_num_queries(10):  # type: ignore[operator]
            import_csv("terms", HEADER + rows)


class TestRefused:
    def test_a_term_that_ends_before_it_starts(self) -> None:
        assert faults_of("terms", HEADER + FALL + "X,x,2026-09-01,2026-08-31\n") == [
            "line 3, ends_on '2026-08-31': A term cannot end before it starts.",
        ]
        assert not Term.objects.exists()

    def test_a_window_that_contradicts_the_saved_row(self) -> None:
        TermFactory(code="2026-FA", enrollment_opens_on=date(2026, 8, 1))
        assert faults_of("terms", f"enrollment_closes_on,{HEADER}2026-07-01,{FALL}") == [
            "line 2, enrollment_closes_on '2026-07-01': Enrollment cannot close before it opens.",
        ]
        assert Term.objects.get().name != "Fall 2026"

    def test_reports_every_bad_line_and_writes_nothing(self) -> None:
        faults = faults_of(
            "terms",
            HEADER
            + "A,a,2026-02-30,soon\n"
            + FALL
            + "B b,,2026-01-01,2026-02-01\n"
            + "C,c,2026-02-01,2026-01-01\n",
        )
        assert faults == [
            (
                "line 2, ends_on 'soon': “soon” value has an invalid date format. It must be in "
                "YYYY-MM-DD format."
            ),
            (
                "line 2, starts_on '2026-02-30': “2026-02-30” value has the correct format "
                "(YYYY-MM-DD) but it is an invalid date."
            ),
            (
                "line 4, code 'B b': A term's code is made of letters, digits and . - _ and "
                "begins with a letter or digit."
            ),
            "line 4, name '': This field cannot be blank.",
            "line 5, ends_on '2026-01-01': A term cannot end before it starts.",
        ]
        assert not Term.objects.exists()

    def test_the_same_key_twice_names_the_first_line(self) -> None:
        assert faults_of("terms", HEADER + FALL + SPRING + FALL) == [
            "line 4, code '2026-FA': The same one is on line 2 already."
        ]

    def test_a_name_too_long(self) -> None:
        [error] = faults_of("terms", HEADER + f"X,{'x' * 101},2026-01-01,2026-02-01\n")
        message = "Ensure this value has at most 100 characters (it has 101)."
        assert error == f"line 2, name '{'x' * 60}': {message}"

    def test_an_integrity_error_of_the_database(self) -> None:
        """Another transaction creates the same term after the existing ids were read."""
        with patch("core.imports.importer.CsvImporter._get_ids", return_value={}):
            TermFactory(code="2026-FA")
            [fault] = faults_of("terms", HEADER + SPRING + FALL)
        assert fault.startswith("the file: The database refused it (")
        assert Term.objects.count() == 1

    def test_lists_a_limited_number_of_bad_lines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(csv_reader, "MAX_ERRORS", 2)
        assert faults_of("terms", HEADER + "x,y\n" * 5) == [
            "line 2: There are 2 cells for 4 columns.",
            "line 3: There are 2 cells for 4 columns.",
            "… and 3 more bad lines.",
        ]


class TestFile:
    def test_utf8_with_a_byte_order_mark(self) -> None:
        import_csv("terms", ("\ufeff" + HEADER + "É,Été,2026-01-01,2026-02-01\n").encode())
        assert Term.objects.get().name == "Été"

    @pytest.mark.parametrize("newline", ["\r\n", "\r", "\n"])
    def test_all_kinds_of_newlines(self, newline: str) -> None:
        faults = faults_of("terms", (HEADER + FALL + "x\n").replace("\n", newline))
        assert faults == ["line 3: There are 1 cells for 4 columns."]

    def test_ignores_whitespace_around_cells_and_blank_lines(self) -> None:
        import_csv(
            "terms", "\n code , name,starts_on,ends_on\n\n X , a b ,2026-01-01, 2026-02-01 \n\n"
        )
        assert Term.objects.values_list("code", "name").get() == ("X", "a b")

    def test_counts_the_lines_of_cells_that_span_lines(self) -> None:
        text = (
            HEADER
            + '"A","two\nlines",2026-01-01,2026-02-01\n\n'
            + "B,b,bad,2026-02-01\n"
            + '"C","three\nmore\nlines",bad,2026-02-01\n'
        )
        assert [fault.split(",")[0] for fault in faults_of("terms", text)] == ["line 5", "line 6"]

    def test_lines_that_are_not_utf8(self) -> None:
        assert faults_of(
            "terms",
            HEADER.encode() + b"A,\xe9t\xe9,2026-01-01,2026-02-01\n" + FALL.encode() + b"x\n",
        ) == [
            (
                "line 2, name '\xe9t\xe9': This is not UTF-8 but probably Windows-1252. "
                "Save the file as UTF-8."
            ),
            "line 4: There are 1 cells for 4 columns.",
        ]

    def test_a_nul_character(self) -> None:
        assert faults_of("terms", HEADER + "A,a\0b,2026-01-01,2026-02-01\n") == [
            "line 2, name 'a\\x00b': This has a NUL character."
        ]

    def test_a_quote_that_is_never_closed(self) -> None:
        assert faults_of("terms", HEADER + FALL + 'A,"a,2026-01-01,2026-02-01\nB,b\n') == [
            "line 3: This is not CSV: unexpected end of data. What follows was not read."
        ]

    @pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
    def test_an_empty_file(self, text: str) -> None:
        [fault] = faults_of("terms", text)
        assert fault.endswith(": The file is empty.")

    def test_a_file_may_have_only_a_header(self) -> None:
        assert import_csv("terms", HEADER) == "terms: 0 created, 0 changed, 0 unchanged"

    def test_a_wrong_header(self) -> None:
        assert faults_of("terms", "code,code,nmae,starts_on,ends_on\n" + FALL) == [
            "line 1, column 'code': This column is there twice.",
            "line 1, column 'name': This column is missing.",
            (
                "line 1, column 'nmae': There is no such column. Those known are: code, name, "
                "starts_on, ends_on, enrollment_opens_on, enrollment_closes_on, "
                "max_credits, accepts_in_progress."
            ),
        ]

    def test_a_header_that_is_not_csv(self) -> None:
        assert faults_of("terms", 'code,"name') == [
            "line 1: This is not CSV: unexpected end of data. What follows was not read."
        ]

    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(
            CommandError, match=r"nowhere\.csv cannot be read: No such file or directory"
        ):
            call_command("import_csv", "terms", str(tmp_path / "nowhere.csv"))

    def test_a_busy_database(self) -> None:
        with (
            patch(
                "core.imports.importer.CsvImporter.write", side_effect=OperationalError("locked")
            ),
            pytest.raises(CommandError, match=r"away or busy.*locked"),
        ):
            import_csv("terms", HEADER + FALL)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stderr", "shown"), [(Terminal(), True), (StringIO(), False)])
def test_progress_is_shown_only_on_a_terminal(
    stderr: StringIO, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    import_csv("terms", HEADER + FALL)
    assert ("reading" in stderr.getvalue(), "writing" in stderr.getvalue()) == (shown, shown)
