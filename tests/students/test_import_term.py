"""A made-up term of a university comes in by the files of imports.md."""

from pathlib import Path
from typing import Any

import pytest
from django.db.models import Count

from benchmarks.term import KINDS, POPULAR, SEATS, SECTIONS_OF_A_CODE, WAITING, write_files
from courses.models import Course, Teaching
from students.models import Enrollment, Status
from tests.importing import import_csv

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("sections", [130, pytest.param(9_000, marks=pytest.mark.slow)])
def test_a_term_comes_in_whole_and_its_waitlists_are_full(tmp_path: Path, sections: int) -> None:
    write_files(tmp_path, sections)
    for kind in KINDS:
        options = ["--on-full", "waitlist"] if kind == "enrollments" else []
        import_csv(kind, (tmp_path / f"{kind}.csv").read_bytes(), *options)

    courses: Any = Course.objects.with_seats()
    assert courses.count() == sections
    popular = courses.filter(waiting__gt=0)
    assert set(popular.values_list("taken", "waiting")) == {(SEATS, WAITING)}
    assert popular.count() >= sections // POPULAR // 2
    assert courses.filter(waiting=0, taken__gte=SEATS).count() == 0
    assert Teaching.objects.current().count() == 2 * sections
    several: Any = Course.objects.exclude(section="").values("code").annotate(number=Count("pk"))
    assert max(several.values_list("number", flat=True)) == SECTIONS_OF_A_CODE
    active: Any = Enrollment.objects.filter(status=Status.ACTIVE).values("student", "course__code")
    assert not active.annotate(number=Count("pk")).filter(number__gt=1).exists()
