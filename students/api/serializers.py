"""Serializers of students, enrollments and outcomes."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from core.api.serializers import (
    ColumnSerializer,
    ModelSerializer,
)
from core.formatting import plain_value
from core.history.actor import Door
from courses.models import Term
from students.enrollment.keys import CourseKey, StudentKey
from students.enrollment.loads import find_loads
from students.enrollment.rules import PairError
from students.enrollment.transitions import (
    Outcome,
    Result,
)
from students.models import CreditLimit, Enrollment, Status, Student


class StudentSerializer(ColumnSerializer[Student], ModelSerializer[Student]):
    """A row of the list."""

    course_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Student
        fields = ["id", "number", "first_name", "last_name", "email", "is_active", "course_count"]
        # Either may be empty, but a client that leaves one out has probably forgotten it.
        extra_kwargs = {"first_name": {"required": True}, "last_name": {"required": True}}


class OverriddenField(serializers.ListField):
    """The overrides of an enrollment, as its row has them."""

    child = serializers.CharField()

    def __init__(self, **kwargs: Any) -> None:
        help_text = "Codes of refusals that were overridden for this enrollment. They count on."
        super().__init__(help_text=help_text, **kwargs)


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
    overridden = OverriddenField()

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
            "overridden",
        ]
        read_only_fields = fields


class LoadsSerializer(serializers.ListSerializer[Any]):
    """The credits of one student, read from the database."""

    def get_attribute(self, instance: Student) -> Any:
        return find_loads(instance.pk, timezone.localdate())


class LoadSerializer(ColumnSerializer[Term]):
    """What a student takes in a term, in credits."""

    term = serializers.CharField(source="code")
    credits = serializers.DecimalField(
        max_digits=9, decimal_places=2, help_text="Of active and completed courses."
    )
    max = serializers.DecimalField(
        max_digits=5, decimal_places=2, allow_null=True, help_text="Null: no limit."
    )

    class Meta:
        list_serializer_class = LoadsSerializer


class StudentDetailSerializer(StudentSerializer):
    """One student with the current courses, and the credits in terms that are not over."""

    courses = StudentCourseSerializer(source="current_enrollments", many=True, read_only=True)
    load = LoadSerializer(many=True, read_only=True)

    class Meta(StudentSerializer.Meta):
        fields = [*StudentSerializer.Meta.fields, "courses", "load"]


class CreditLimitSerializer(ColumnSerializer[CreditLimit], ModelSerializer[CreditLimit]):
    """The credits that a student may take in a term. The context has them as `key`."""

    term = serializers.CharField(source="term.code", read_only=True)

    class Meta:
        model = CreditLimit
        fields = ["term", "max_credits", "reason"]
        # Without it there would be no limit, and a client has probably forgotten it.
        extra_kwargs = {"max_credits": {"required": True}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return super().validate({**self.context["key"], **attrs})


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
    overridden = OverriddenField()

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
            "overridden",
        ]
        read_only_fields = fields


class EnrollmentSerializer(ColumnSerializer[Enrollment], serializers.ModelSerializer[Enrollment]):
    student_id = serializers.IntegerField(read_only=True)
    student_number = serializers.CharField(source="student.number", read_only=True)
    course_id = serializers.IntegerField(read_only=True)
    course_code = serializers.CharField(source="course.code", read_only=True)
    section = serializers.CharField(source="course.section", read_only=True)
    term = serializers.CharField(source="course.term.code", read_only=True)
    position = serializers.IntegerField(read_only=True, allow_null=True)
    overridden = OverriddenField(read_only=True)

    class Meta:
        model = Enrollment
        fields = [
            "id",
            "student_id",
            "student_number",
            "course_id",
            "course_code",
            "section",
            "term",
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
    student_id = serializers.IntegerField(allow_null=True, help_text="Null: the key is unknown.")
    student_number = serializers.CharField(allow_null=True, help_text="Null: the id is unknown.")
    course_id = serializers.IntegerField(allow_null=True, help_text="Null: the key is unknown.")
    course_code = serializers.CharField(allow_null=True, help_text="Null: the id is unknown.")
    section = serializers.CharField(
        allow_null=True, help_text="Null: the id is unknown, or the key named no section."
    )
    term = serializers.CharField(allow_null=True, help_text="Null: the id is unknown.")
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
                **_serialize_pair(result),
                "outcome": result.outcome.value,
                "enrollment": EnrollmentSerializer.serialize_instance(row)
                if row and is_shown
                else None,
                "refusals": [serialize_refusal(reason) for reason in result.refusals],
            }
        )
    return outcomes


def _serialize_pair(result: Result) -> dict[str, Any]:
    """The ids and keys of student and course. One that is unknown has what the request named."""
    student = StudentKey(result.student.number) if result.student else None
    course = None
    if row := result.course:
        course = CourseKey(row.term.code, row.code, row.section)
    for resolved in result.change.keys.values():
        if isinstance(resolved.key, StudentKey):
            student = student or resolved.key
        else:
            course = course or resolved.key
    return {
        "student_id": result.change.student_id or None,
        "student_number": student and student.number,
        "course_id": result.change.course_id or None,
        "course_code": course and course.code,
        "section": course and course.section,
        "term": course and course.term,
    }


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
