"""Serializers of students and enrollments, and of the request bodies that enroll."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.api.serializers import (
    ColumnSerializer,
    IdField,
    ModelSerializer,
    RequestSerializer,
    StrictBooleanField,
    StrictCharField,
)
from core.formatting import plain_value
from core.history.actor import Door
from core.ids import MAX_ID
from core.text import clean_line
from courses.models import Course, Term
from students.enrollment.rules import OVERRIDABLE, PairError
from students.enrollment.transitions import (
    ENROLL,
    WITHDRAW,
    EnrollmentChange,
    Options,
    Outcome,
    Result,
    Transition,
)
from students.models import Enrollment, Status, Student

MAX_ITEMS = 1_000
SETTABLE = [status for status in Status.choices if status[0] != Status.WAITLISTED]


class StudentSerializer(ColumnSerializer[Student], ModelSerializer[Student]):
    """A row of the list."""

    course_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Student
        fields = ["id", "number", "first_name", "last_name", "email", "is_active", "course_count"]
        # Either may be empty, but a client that leaves one out has probably forgotten it.
        extra_kwargs = {"first_name": {"required": True}, "last_name": {"required": True}}


class StudentCourseSerializer(
    ColumnSerializer[Enrollment], serializers.ModelSerializer[Enrollment]
):
    """A course as a student has it."""

    id = serializers.IntegerField(source="course_id")
    code = serializers.CharField(source="course.code")
    section = serializers.CharField(source="course.section")
    title = serializers.CharField(source="course.title")
    term = serializers.CharField(source="course.term.code")
    credits = serializers.DecimalField(source="course.credits", max_digits=5, decimal_places=2)
    enrollment_id = serializers.IntegerField(source="id")
    position = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Enrollment
        fields = [
            "id",
            "code",
            "section",
            "title",
            "term",
            "credits",
            "enrollment_id",
            "status",
            "by_mistake",
            "position",
            "enrolled_at",
        ]
        read_only_fields = fields


class StudentDetailSerializer(StudentSerializer):
    """One student with the current courses."""

    courses = StudentCourseSerializer(source="current_enrollments", many=True, read_only=True)

    class Meta(StudentSerializer.Meta):
        fields = [*StudentSerializer.Meta.fields, "courses"]


class RosterSerializer(ColumnSerializer[Enrollment], serializers.ModelSerializer[Enrollment]):
    """A student as a course has them."""

    id = serializers.IntegerField(source="student_id")
    number = serializers.CharField(source="student.number")
    first_name = serializers.CharField(source="student.first_name")
    last_name = serializers.CharField(source="student.last_name")
    email = serializers.EmailField(source="student.email")
    is_active = serializers.BooleanField(source="student.is_active")
    enrollment_id = serializers.IntegerField(source="id")
    position = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Enrollment
        fields = [
            "id",
            "number",
            "first_name",
            "last_name",
            "email",
            "is_active",
            "enrollment_id",
            "status",
            "by_mistake",
            "position",
            "enrolled_at",
        ]
        read_only_fields = fields


class EnrollmentSerializer(ColumnSerializer[Enrollment], serializers.ModelSerializer[Enrollment]):
    student_id = serializers.IntegerField(read_only=True)
    course_id = serializers.IntegerField(read_only=True)
    position = serializers.IntegerField(read_only=True, allow_null=True)
    overridden = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text="Codes of refusals that were overridden for this enrollment. They count on.",
    )

    class Meta:
        model = Enrollment
        fields = [
            "id",
            "student_id",
            "course_id",
            "status",
            "by_mistake",
            "position",
            "enrolled_at",
            "updated_at",
            "overridden",
        ]
        read_only_fields = fields


class ReasonSerializer(serializers.Serializer[Any]):
    """Why one pair was refused."""

    code = serializers.CharField()
    detail = serializers.CharField()
    params = serializers.DictField()


def serialize_refusal(reason: PairError) -> dict[str, Any]:
    """`reason` in the form of ReasonSerializer."""
    params = {name: plain_value(value) for name, value in (reason.params or {}).items()}
    return {"code": reason.code, "detail": reason.messages[0], "params": params}


class OutcomeSerializer(serializers.Serializer[Result]):
    """What happened to one pair.

    In a refusal: what would have happened; nothing was written, so `enrollment` is null.
    """

    index = serializers.IntegerField(help_text="Its place in the list.")
    student_id = serializers.IntegerField(source="change.student_id")
    course_id = serializers.IntegerField(source="change.course_id")
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    enrollment = EnrollmentSerializer(allow_null=True)
    refusals = ReasonSerializer(many=True)


class OutcomesSerializer(serializers.Serializer[Any]):
    """What happened to each pair, in the order of the request."""

    student_id = serializers.IntegerField(required=False, help_text="In answers about one student.")
    course_id = serializers.IntegerField(required=False, help_text="In answers about one course.")
    outcomes = OutcomeSerializer(many=True)


def serialize_outcomes(results: Sequence[Result], *, written: bool = True) -> list[dict[str, Any]]:
    """`results` in the form of OutcomeSerializer.

    Unless they were `written`, an enrollment is shown only where it stays as it is.
    """
    outcomes = []
    for index, result in enumerate(results):
        row = result.enrollment
        is_shown = row and row.pk and (written or result.outcome == Outcome.UNCHANGED)
        outcomes.append(
            {
                "index": index,
                "student_id": result.change.student_id,
                "course_id": result.change.course_id,
                "outcome": result.outcome.value,
                "enrollment": EnrollmentSerializer.serialize_instance(row)
                if row and is_shown
                else None,
                "refusals": [serialize_refusal(reason) for reason in result.refusals],
            }
        )
    return outcomes


class StateSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=Status.choices)


class ChangeEntrySerializer(serializers.Serializer[Any]):
    """One change of an enrollment: a record of `history.queries.enrollment_changes()`."""

    who = serializers.SerializerMethodField()
    when = serializers.DateTimeField(source="history_date", default_timezone=UTC)
    door = serializers.ChoiceField(choices=Door.choices)
    before = serializers.SerializerMethodField()
    after = StateSerializer(source="*")
    reason = serializers.CharField(source="history_change_reason")
    override = serializers.ListField(
        child=serializers.CharField(), help_text="Codes of the refusals that were overridden."
    )

    def get_who(self, record: Any) -> str | None:
        """The name of that moment. Null: nobody was signed in (a command)."""
        return record.who or None

    def get_before(self, record: Any) -> dict[str, str] | None:
        return {"status": record.before} if record.before else None


class IdListField(serializers.ListField):
    """A list of ids."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=IdField(), max_length=MAX_ITEMS, **kwargs)

    def run_child_validation(self, data: list[Any]) -> list[Any]:
        # For a valid list: DRF's check of each item takes five times as long as writing it.
        if all(type(item) is int and 1 <= item <= MAX_ID for item in data):
            return data
        found: list[Any] = super().run_child_validation(data)
        return found


class OptionsSerializer(RequestSerializer):
    """The options of every body that enrolls."""

    on_full = serializers.ChoiceField(
        choices=["refuse", "waitlist"],
        required=False,
        help_text="What to do where a course is full.",
    )
    override = serializers.ListField(
        child=serializers.ChoiceField(choices=[refusal.value for refusal in OVERRIDABLE]),
        required=False,
        help_text="Refusals to override; needs a reason and the permission.",
    )
    reason = StrictCharField(
        max_length=500, required=False, help_text="Why; recorded in the history."
    )
    validate_only = StrictBooleanField(
        required=False, help_text="Tell what would happen and write nothing."
    )
    atomic = StrictBooleanField(
        required=False, help_text="False: do what can be done. Otherwise one refusal stops all."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("override") and not attrs.get("reason"):
            raise serializers.ValidationError(
                {"reason": [_("An override needs a reason.")]}, code="required"
            )
        return attrs

    @property
    def options(self) -> Options:
        body = self.validated_data
        return Options(
            waitlist=body.get("on_full") == "waitlist", override=frozenset(body.get("override", ()))
        )

    @property
    def is_partial(self) -> bool:
        """Whether a refusal is an outcome like others, instead of the answer 409."""
        body = self.validated_data
        return body.get("validate_only", False) or not body.get("atomic", True)


class OneOfFieldsSerializer(OptionsSerializer):
    """A body with the fields of one of `forms`, and no other but the options."""

    forms: tuple[frozenset[str], ...] = ()
    default_error_messages = {"form": _("Give %(forms)s.")}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = attrs.keys() - OptionsSerializer._declared_fields.keys()
        if not any(given and given <= form for form in self.forms):
            forms = _(" or ").join(", ".join(sorted(form)) for form in self.forms)
            raise serializers.ValidationError(
                self.error_messages["form"] % {"forms": forms}, code="required"
            )
        return super().validate(attrs)


class CoursesBodySerializer(OneOfFieldsSerializer):
    """Courses for one student to be enrolled in."""

    course_id = IdField(required=False)
    course_ids = IdListField(allow_empty=False, required=False)
    forms = (frozenset({"course_id"}), frozenset({"course_ids"}))

    def changes(self, student_id: int) -> list[EnrollmentChange]:
        return [
            EnrollmentChange(student_id, course, ENROLL, pointer)
            for course, pointer in _items(self.validated_data, "course_id", "course_ids")
        ]


class StudentsBodySerializer(OneOfFieldsSerializer):
    """Students to be enrolled in one course."""

    student_id = IdField(required=False)
    student_ids = IdListField(allow_empty=False, required=False)
    forms = (frozenset({"student_id"}), frozenset({"student_ids"}))

    def changes(self, course_id: int) -> list[EnrollmentChange]:
        return [
            EnrollmentChange(student, course_id, ENROLL, pointer)
            for student, pointer in _items(self.validated_data, "student_id", "student_ids")
        ]


class CoursesPatchSerializer(OneOfFieldsSerializer):
    """Courses to add and to remove; `course_ids` adds."""

    add = IdListField(required=False)
    remove = IdListField(required=False)
    course_ids = IdListField(allow_empty=False, required=False)
    forms = (frozenset({"add", "remove"}), frozenset({"course_ids"}))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if both := set(attrs.get("add", [])) & set(attrs.get("remove", [])):
            message = _("A course is either added or removed, not both: %(ids)s.") % {
                "ids": ", ".join(map(str, sorted(both)))
            }
            raise serializers.ValidationError({"remove": [message]}, code="contradiction")
        return attrs

    def changes(self, student_id: int) -> list[EnrollmentChange]:
        fields: list[tuple[str, Transition]] = [
            ("add", ENROLL),
            ("course_ids", ENROLL),
            ("remove", WITHDRAW),
        ]
        changes = []
        for name, transition in fields:
            for course, pointer in _items(self.validated_data, "", name):
                changes.append(EnrollmentChange(student_id, course, transition, pointer))
        return changes


class CoursesPutSerializer(OptionsSerializer):
    """Exactly the courses that a student shall have, of all terms or of one."""

    course_ids = IdListField()
    term = StrictCharField(
        required=False, help_text="Code of a term. Courses of other terms are left as they are."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if "term" not in attrs:
            return attrs
        code = clean_line(attrs["term"])
        term = Term.objects.filter(code=code).first()
        if term is None:
            message = _("There is no term with the code %(code)s.") % {"code": code}
            raise serializers.ValidationError({"term": [message]}, code="not_found")
        courses = Course.objects.filter(pk__in=attrs["course_ids"]).exclude(term=term)
        others = dict(courses.order_by().values_list("pk", "term__code"))
        errors = {}
        for index, course_id in enumerate(attrs["course_ids"]):
            if course_id in others:
                errors[index] = [_("This course is in the term %s.") % others[course_id]]
        if errors:
            detail: Any = {"course_ids": errors}
            raise serializers.ValidationError(detail, code="contradiction")
        return {**attrs, "term": term}

    def changes(self, student_id: int) -> list[EnrollmentChange]:
        return [
            EnrollmentChange(student_id, course, ENROLL, pointer)
            for course, pointer in _items(self.validated_data, "", "course_ids")
        ]


class PairSerializer(RequestSerializer):
    """One student and one course."""

    student_id = IdField()
    course_id = IdField()


class EnrollmentsBodySerializer(OneOfFieldsSerializer):
    """One student and one course, or a list of such pairs."""

    student_id = IdField(required=False)
    course_id = IdField(required=False)
    enrollments = PairSerializer(  # type: ignore[call-arg]
        many=True, required=False, allow_empty=False, max_length=MAX_ITEMS
    )
    forms = (frozenset({"student_id", "course_id"}), frozenset({"enrollments"}))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        errors = {}
        for name in ("student_id", "course_id"):
            if name not in attrs and "enrollments" not in attrs:
                errors[name] = [self.fields[name].error_messages["required"]]
        if errors:
            raise serializers.ValidationError(errors, code="required")
        return attrs

    @property
    def is_batch(self) -> bool:
        return "enrollments" in self.validated_data

    def changes(self) -> list[EnrollmentChange]:
        body = self.validated_data
        if not self.is_batch:
            return [EnrollmentChange(body["student_id"], body["course_id"], ENROLL, "/{field}")]
        changes = []
        for index, pair in enumerate(body["enrollments"]):
            pointer = f"/enrollments/{index}/{{field}}"
            changes.append(EnrollmentChange(pair["student_id"], pair["course_id"], ENROLL, pointer))
        return changes


class StatusBodySerializer(OptionsSerializer):
    """The status that an enrollment shall have."""

    status = serializers.ChoiceField(choices=SETTABLE)


def _items(body: dict[str, Any], one: str, many: str) -> list[tuple[int, str]]:
    """The ids in the field `one`, or in the list `many`, each with the JSON pointer to it."""
    if one in body:
        return [(body[one], f"/{one}")]
    return [(value, f"/{many}/{index}") for index, value in enumerate(body.get(many, []))]
