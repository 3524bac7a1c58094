"""The data of the demo school: invented students in plausible courses, in terms around today.

The random generators are seeded, so that each demo school is the same.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import cycle
from random import Random
from typing import TypeVar

from django.utils import timezone
from django.utils.text import slugify
from faker import Faker

from core.db.transactions import atomic_with_reruns
from core.history.bulk import BATCH_SIZE, record_history
from courses.factories import CourseFactory, TeacherFactory, TermFactory
from courses.models import Course, Teacher, Teaching, Term
from students.enrollment import locks, service
from students.enrollment.change_feed import override_clock
from students.enrollment.transitions import IMPORT_TRANSITIONS, WITHDRAW, EnrollmentChange, Options
from students.factories import StudentFactory
from students.models import Status, Student

SEED = 1869
STUDENTS = 2_000
LOCALES = ["en_US", "de_DE", "es_ES", "fr_FR", "it_IT"]
QUARTERS = [("WI", "Winter"), ("SP", "Spring"), ("SU", "Summer"), ("FA", "Fall")]
# Code, title, credits, capacity (None: unlimited), and students per thousand who want the course.
CATALOGUE: list[tuple[str, str, int, int | None, int]] = [
    ("ART-110", "Drawing and Seeing", 3, 30, 40),
    ("AST-101", "The Night Sky", 4, 120, 50),
    ("BIO-101", "Life: From Cell to Forest", 4, 400, 190),
    ("BIO-240", "Genetics", 4, 160, 86),
    ("CHM-101", "General Chemistry", 4, 400, 170),
    ("CHM-230", "Organic Chemistry", 4, 180, 97),
    ("CS-101", "Introduction to Programming", 4, 500, 270),
    ("CS-210", "Data Structures", 4, 260, 129),
    ("CS-340", "Databases", 4, 200, 92),
    ("ECO-101", "Principles of Economics", 3, None, 220),
    ("ENG-102", "Writing Well", 3, None, 300),
    ("ENG-255", "The Modern Novel", 3, 60, 35),
    ("GEO-120", "Maps and Climate", 3, 150, 40),
    ("HIS-101", "The World since 1500", 3, 300, 130),
    ("MAT-101", "Calculus I", 4, 600, 280),
    ("MAT-220", "Linear Algebra", 4, 250, 124),
    ("MUS-105", "Harmony and Ear Training", 2, 24, 15),
    ("PHI-101", "Questions of Philosophy", 3, 200, 70),
    ("PHY-101", "Mechanics", 4, 350, 160),
    ("PSY-101", "Introduction to Psychology", 3, 450, 224),
]
# Codes that are offered in several sections, with the number of these.
SECTIONS = {"CS-101": 3, "ENG-102": 2, "MAT-101": 2}
# The weekly meetings of each code: one text for each of its sections. Few of them clash.
MEETINGS: dict[str, list[str]] = {
    "ART-110": ["Fri 17:00-19:50 STUDIO 1"],
    "AST-101": ["Tue Thu 20:00-21:20 DOME"],
    "BIO-101": ["Mon Wed Fri 9:00-9:50 HALL 1; Tue 17:00-18:20 LAB 1"],
    "BIO-240": ["Tue Thu 18:30-19:50 LAB 1"],
    "CHM-101": ["Mon Wed Fri 10:00-10:50 HALL 1; Thu 17:00-18:20 LAB 2"],
    "CHM-230": ["Mon 19:00-20:20 LAB 2; Fri 14:00-15:20 HALL 2"],
    "CS-101": [
        "Mon Wed Fri 11:00-11:50 HALL 2",
        "Mon Wed Fri 8:00-8:50 HALL 2",
        "Mon Wed 20:30-21:50 LAB 3",
    ],
    "CS-210": ["Mon Wed 14:00-15:20 HALL 2"],
    "CS-340": ["Mon Wed 17:30-18:50 LAB 3"],
    "ECO-101": ["Tue Thu 11:00-12:20 HALL 1"],
    "ENG-102": ["Tue Thu 12:30-13:50 HALL 2", "Mon Wed 16:00-17:20 HALL 2"],
    "ENG-255": ["Tue Thu 18:30-19:50 ROOM 7"],
    "GEO-120": ["Sat 9:00-11:50 ROOM 4"],
    "HIS-101": ["Tue Thu 14:00-15:20 HALL 1"],
    "MAT-101": ["Mon Wed Fri 12:00-12:50 HALL 1", "Tue Thu 8:00-9:20 HALL 1"],
    "MAT-220": ["Tue Thu 15:30-16:50 HALL 2"],
    "MUS-105": ["Mon Wed 14:00-14:50 STUDIO 2"],
    "PHI-101": ["Wed 19:00-20:20 ROOM 7; Fri 15:30-16:50 ROOM 7"],
    "PHY-101": ["Mon Wed Fri 13:00-13:50 HALL 1"],
    "PSY-101": ["Tue Thu 9:30-10:50 HALL 1"],
}
# What this and the next term require, as text. It is decided after most have enrolled.
PREREQUISITES = {
    "AST-101": "PHY-101 | MAT-101*",
    "BIO-240": "BIO-101",
    "CHM-230": "CHM-101",
    "CS-210": "CS-101",
    "CS-340": "CS-210, CS-101 | MAT-101",
    "MAT-220": "MAT-101",
    "PHY-101": "MAT-101 | MAT-220*",
}
# Nobody takes both.
EXCLUDES = {"GEO-120": ["HIS-101"]}
MAX_CREDITS = 24
TEACHERS = 14
# Courses that are closed today, after the enrollments.
CLOSED = {"AST-101", "GEO-120"}
# Shares of the students, and of the enrollments.
INACTIVE = 0.03
WITHDRAWN = 0.08
# Hours of the day at which enrollments are entered.
HOURS = (9, 11, 14, 16)

R = TypeVar("R", Term, Course, Teacher, Teaching)
# Changes by the time at which they are made.
Plan = dict[datetime, list[EnrollmentChange]]


def is_empty() -> bool:
    """Whether the database has no terms and no students."""
    return not (Term.objects.exists() or Student.objects.exists())


@atomic_with_reruns
def fill(today: date) -> None:
    """Put the demo school into an empty database.

    The terms are those before, around and after `today`. History records spread the enrollments
    over the days until now.
    """
    random = Random(SEED)  # noqa: S311 (nothing is secret here)
    founded = _moment(today - timedelta(days=200), HOURS[0])
    last, this, following = (
        _courses(_term(today, shift, founded), founded) for shift in (-1, 0, 1)
    )
    for courses in (last, this, following):
        courses += _more_sections(courses, founded)
    _assign_teachers([*last, *this, *following], founded)
    students = [student.pk for student in _students(random, founded)]
    end_of_last_term = _moment(last[0].term.ends_on, HOURS[-1])
    plan: Plan = {end_of_last_term: list(_wishes(random, last, students, Status.COMPLETED))}
    plan |= _plan_enrollments(random, this, students, today)
    locks.lock_students_and_courses(students, (course.pk for course in (*last, *this)))
    for moment in sorted(plan):
        _apply(plan[moment], moment)
    for course in this:
        if course.code in CLOSED:
            course.is_open = False
            _save(course, _moment(today, HOURS[0]))
    for course in (*this, *following):
        if course.code in PREREQUISITES or course.code in EXCLUDES:
            course.prerequisites = PREREQUISITES.get(course.code, "")
            course.excludes = EXCLUDES.get(course.code, [])
            _save(course, _moment(today, HOURS[0]))


def _apply(changes: list[EnrollmentChange], moment: datetime) -> None:
    changes.sort(key=lambda change: change.student_id)
    with override_clock(moment):
        for start in range(0, len(changes), BATCH_SIZE):
            # Students who come too late for a seat are put on the waitlist.
            service.decide_and_save(changes[start : start + BATCH_SIZE], Options(waitlist=True))


def _plan_enrollments(
    random: Random, courses: list[Course], students: list[int], today: date
) -> Plan:
    """The enrollments in `courses` from their opening until `today`.

    Each student enrolls in all courses at once, most students in the first days. Withdrawals follow
    within two weeks.
    """
    opened = courses[0].term.enrollment_opens_on or today
    slots = [
        _moment(opened + timedelta(days=day), hour)
        for day in range((today - opened).days + 1)
        for hour in HOURS
    ]
    chance = Random(SEED)  # noqa: S311
    arrivals = {student: int(chance.betavariate(1, 2) * len(slots)) for student in students}
    plan: Plan = defaultdict(list)
    for wish in _wishes(random, courses, students, Status.ACTIVE):
        arrival = arrivals[wish.student_id]
        later = slots[arrival + 1 :]
        plan[slots[arrival]].append(EnrollmentChange(wish.student_id, wish.course_id))
        if wish.transition is IMPORT_TRANSITIONS[Status.WITHDRAWN] and later:
            plan[chance.choice(later[: len(HOURS) * 14])].append(
                EnrollmentChange(wish.student_id, wish.course_id, WITHDRAW)
            )
    return plan


def _moment(day: date, hour: int) -> datetime:
    """That hour of the day, or now if it is in the future."""
    return min(timezone.make_aware(datetime.combine(day, time(hour))), timezone.now())


def _save(row: R, moment: datetime) -> R:
    """Save a row, with `moment` as the time of the history record."""
    row._history_date = moment  # type: ignore[attr-defined]
    row.save()
    return row


def _term(today: date, shift: int, founded: datetime) -> Term:
    """The quarter of `today`, or the one `shift` quarters later."""
    number = today.year * 4 + (today.month - 1) // 3 + shift
    year, quarter = divmod(number, 4)
    code, name = QUARTERS[quarter]
    starts_on, ends_on = _first_day(number), _first_day(number + 1) - timedelta(days=1)
    month_later = timedelta(days=30)
    term = TermFactory.build(
        code=f"{year}-{code}",
        name=f"{name} {year}",
        starts_on=starts_on,
        ends_on=ends_on,
        max_credits=MAX_CREDITS,
        enrollment_opens_on=starts_on,
        # Open for some weeks more, so that enrolling can be tried.
        enrollment_closes_on=starts_on + month_later
        if shift
        else max(ends_on, today + month_later),
    )
    return _save(term, founded)


def _first_day(number: int) -> date:
    year, quarter = divmod(number, 4)
    return date(year, quarter * 3 + 1, 1)


def _courses(term: Term, founded: datetime) -> list[Course]:
    made = (
        CourseFactory.build(
            term=term,
            code=code,
            section="A01" if code in SECTIONS else "",
            title=title,
            credits=credit,
            meetings=MEETINGS[code][0],
            capacity=seats and seats // SECTIONS.get(code, 1),
        )
        for code, title, credit, seats, _share in CATALOGUE
    )
    return [_save(course, founded) for course in made]


def _more_sections(courses: list[Course], founded: datetime) -> list[Course]:
    """The further sections of `courses`, which are the first ones."""
    made = (
        CourseFactory.build(
            term=course.term,
            code=course.code,
            section=f"A{number:02}",
            title=course.title,
            credits=course.credits,
            meetings=MEETINGS[course.code][number - 1],
            capacity=course.capacity,
        )
        for course in courses
        for number in range(2, SECTIONS.get(course.code, 1) + 1)
    )
    return [_save(course, founded) for course in made]


def _assign_teachers(courses: list[Course], founded: datetime) -> None:
    """Give each course a primary teacher, and each first section a second one."""
    fake = Faker(LOCALES)
    fake.seed_instance(SEED)
    teachers = []
    for number in range(1, TEACHERS + 1):
        teacher = TeacherFactory.build(
            number=f"T{number:03d}",
            first_name=fake.first_name(),
            last_name=fake.last_name(),
            email=f"t{number:03d}@school.example",
        )
        teachers.append(_save(teacher, founded))
    codes = [code for code, *_columns in CATALOGUE]
    for course in courses:
        position = codes.index(course.code) + 3 * int(course.section[1:] or 0)
        first, second = (teachers[(position + shift) % TEACHERS] for shift in (0, 1))
        _save(Teaching(course=course, teacher=first, is_primary=True), founded)
        if course.section == "A01":
            _save(Teaching(course=course, teacher=second), founded)


def _students(random: Random, founded: datetime) -> list[Student]:
    fake = Faker(LOCALES)
    fake.seed_instance(SEED)
    namesakes: Counter[str] = Counter()
    students = []
    for number in range(1, STUDENTS + 1):
        first, last = fake.first_name(), fake.last_name()
        mailbox = f"{slugify(first)}.{slugify(last)}"
        namesakes[mailbox] += 1
        email = f"{mailbox}{namesakes[mailbox] if namesakes[mailbox] > 1 else ''}@school.example"
        is_active = random.random() >= INACTIVE
        students.append(
            StudentFactory.build(
                number=f"S{number:05d}",
                first_name=first,
                last_name=last,
                email=email,
                is_active=is_active,
            )
        )
    Student.objects.bulk_create(students, batch_size=BATCH_SIZE)
    record_history(Student, students, changed=False, when=founded)
    return students


def _wishes(
    random: Random, courses: list[Course], students: list[int], status: Status
) -> Iterator[EnrollmentChange]:
    """The enrollments of each course, in number by its share of the students.

    They are spread over its sections. Most shall get `status`, the others `withdrawn`.
    """
    for code, *_columns, share in CATALOGUE:
        sections = cycle(course.pk for course in courses if course.code == code)
        for student in random.sample(students, share * len(students) // 1_000):
            is_withdrawn = random.random() < WITHDRAWN
            transition = IMPORT_TRANSITIONS[Status.WITHDRAWN if is_withdrawn else status]
            yield EnrollmentChange(student, next(sections), transition)
