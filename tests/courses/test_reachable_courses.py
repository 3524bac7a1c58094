"""Prerequisites that nobody could ever meet: in single courses, in files and in a catalogue."""

from itertools import chain, combinations, pairwise
from random import Random

import pytest

from courses.factories import CourseFactory, TermFactory
from courses.models import Course
from courses.prerequisites import Catalogue, find_circle, find_unreachable
from courses.requirements import Requirement, parse_requirements, read_requirements
from tests.importing import faults_of, import_csv

HEADER = "term_code,code,title,capacity,prerequisites\n"


def read_catalogue(**texts: str) -> dict[str, list[list[Requirement]]]:
    """A catalogue of courses with these prerequisites; several offerings are divided by `;`."""
    return {
        code: [read_requirements(parse_requirements(part)) for part in text.split(";")]
        for code, text in texts.items()
    }


@pytest.mark.parametrize(
    ("texts", "unreachable"),
    [
        ({"A": "B", "B": "A"}, {"A", "B"}),
        ({"A": "B", "B": "A", "C": "A"}, {"A", "B", "C"}),
        # An alternative, an offering or a code of no course is a way out.
        ({"A": "B", "B": "A | C", "C": ""}, set()),
        ({"A": "B", "B": "A;"}, set()),
        ({"A": "B", "B": "A | X"}, set()),
        # Taken together.
        ({"A": "B*", "B": "A*"}, set()),
        ({"A": "B*", "B": "C*", "C": "A*"}, set()),
        ({"A": "B*", "B": "A"}, {"A", "B"}),
        ({"A": "B*, C", "B": "A*", "C": "C"}, {"A", "B", "C"}),
        ({"A": "B*", "B": "A*", "C": "A, D*", "D": "C*, B"}, set()),
        # A course is not taken together with itself.
        ({"A": "A*"}, {"A"}),
    ],
)
def test_unreachable_courses(texts: dict[str, str], unreachable: set[str]) -> None:
    assert find_unreachable(read_catalogue(**texts)) == unreachable


def find_unreachable_by_trial(catalogue: Catalogue) -> set[str]:
    """The same by trying every group of courses that could be taken next."""
    left = set(catalogue)
    while True:
        sizes = range(1, len(left) + 1)
        groups = chain.from_iterable(combinations(sorted(left), size) for size in sizes)
        for group in map(set, groups):
            if all(
                any(
                    all(
                        set(codes) - left or (concurrent and set(codes) & (group - {code}))
                        for codes, concurrent in offering
                    )
                    for offering in catalogue[code]
                )
                for code in group
            ):
                left -= group
                break
        else:
            return left


def test_random_catalogues() -> None:
    random, found = Random(20), 0
    for _ in range(400):
        codes = "ABCDE"
        catalogue = {
            code: [
                [
                    Requirement(tuple(random.sample(codes, random.choice([1, 1, 2]))), starred)
                    for starred in random.choices([True, False], k=random.choice([0, 1, 1, 2]))
                ]
                for _offering in range(random.choice([1, 1, 2]))
            ]
            for code in codes
        }
        unreachable = find_unreachable(catalogue)
        assert unreachable == find_unreachable_by_trial(catalogue), catalogue
        for code in unreachable:
            way = find_circle(code, catalogue, unreachable)
            assert (way[0], way[-1] in way[:-1]) == (code, True)
            for one, other in pairwise(way):
                requirements = chain.from_iterable(catalogue[one])
                assert other in {name for requirement in requirements for name in requirement.codes}
        found += bool(unreachable)
    assert 100 < found < 350


@pytest.mark.django_db
def test_a_saved_circle_does_not_stop_other_changes() -> None:
    """A course may become unreachable when the offering of another one is deleted."""
    term = TermFactory.create(code="FA")
    free = CourseFactory.create(code="A")
    CourseFactory.create(term=term, code="B", prerequisites=["A"])
    course = CourseFactory.create(term=term, code="A", title="a", prerequisites=["B"])
    free.delete()
    course.title = "new"
    course.full_clean()
    course.save(update_fields=["title"])
    assert import_csv("courses", HEADER + "FA,A,newer,,B\n").endswith("1 changed, 0 unchanged")


@pytest.mark.django_db
def test_bad_lines_are_left_out() -> None:
    term = TermFactory.create(code="FA")
    CourseFactory.create(term=term, code="OLD", title="o", prerequisites=[])
    lines = [
        "FA,A,a,,B",
        "FA,B,b,,A",
        "FA,C,c,,A | D",
        "FA,D,d,-1,",
        "FA,E,e,,NONE",
        "FA,F,f,,",
        "FA,F,f,,",
        "FA,OLD,o,,A",
        "FA,G,g,,OLD",
    ]
    text = HEADER + "\n".join(lines)
    errors = faults_of("courses", text)
    assert [error.split(":")[0] for error in errors] == [
        "line 2, prerequisites 'B'",
        "line 3, prerequisites 'A'",
        "line 4, prerequisites 'A | D'",
        "line 5, capacity '-1'",
        "line 6, prerequisites 'NONE'",
        "line 8, code 'F'",
        "line 9, prerequisites 'A'",
        "line 10, prerequisites 'OLD'",
    ]
    out = import_csv("courses", text, "--skip-bad-lines")
    assert out == "courses: 1 created, 0 changed, 0 unchanged"
    assert set(Course.objects.values_list("code", flat=True)) == {"OLD", "F"}
    assert Course.objects.exclude(prerequisites=[]).count() == 0
    # A bad line leaves OLD what it requires, so F would come before itself.
    Course.objects.filter(code="OLD").update(prerequisites=["F"])
    text = HEADER + "FA,F,f,,OLD\nFA,OLD,o,,X\nFA,G,g,,F | H\nFA,H,h,,\n"
    out = import_csv("courses", text, "--skip-bad-lines")
    assert out == "courses: 2 created, 0 changed, 0 unchanged"
    values = dict(Course.objects.values_list("code", "prerequisites"))
    assert values == {
        "F": [],
        "OLD": ["F"],
        "G": [{"any": ["F", "H"], "concurrent": False}],
        "H": [],
    }


@pytest.mark.django_db
def test_a_catalogue_loads_but_for_the_courses_that_nobody_can_reach() -> None:
    """2,400 courses with 27 circles if alternatives and stars are left out of account."""
    TermFactory.create(code="FA")
    prerequisites = {f"C-{number}": "" for number in range(2_400)}
    for number in range(100, 2_400):
        # Mostly chains, with alternatives.
        before = f"C-{number - 100}"
        prerequisites[f"C-{number}"] = [before, f"{before} | C-{number % 100}", ""][number % 3]
    # Circles of two: 11 with a way out, 10 of courses taken together, 5 without; and one of three.
    pairs = [(f"C-{number}", f"C-{number + 1}") for number in range(2_300, 2_352, 2)]
    for index, (first, second) in enumerate(pairs):
        if index < 11:
            prerequisites |= {first: f"{second} | C-1", second: first}
        elif index < 21:
            prerequisites |= {first: f"{second}*", second: f"{first}*, C-2"}
        else:
            prerequisites |= {first: second, second: f"C-3, {first}"}
    prerequisites |= {"C-2390": "C-2391", "C-2391": "C-2392 | C-2390", "C-2392": "C-2390"}
    lines = [f'FA,{code},x,,"{text}"' for code, text in prerequisites.items()]
    text = HEADER + "\n".join(lines)

    errors = faults_of("courses", text)
    unreachable = {code for pair in pairs[21:] for code in pair} | {"C-2390", "C-2391", "C-2392"}
    assert len(errors) == len(unreachable) == 13
    assert {error.split(" → ")[-1].rstrip(".") for error in errors} == unreachable
    out = import_csv("courses", text, "--skip-bad-lines")
    assert out == "courses: 2387 created, 0 changed, 0 unchanged"
    assert not Course.objects.filter(code__in=unreachable).exists()
    # Sent again, it is the same.
    again = import_csv("courses", text, "--skip-bad-lines")
    assert again == "courses: 0 created, 0 changed, 2387 unchanged"
