"""Serializers of the request bodies that enroll and withdraw."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.api.serializers import IdField, StrictBooleanField, StrictCharField
from core.text import clean_line
from courses.models import Course, Term
from students.api.references import (
    KEY_FIELDS,
    MAX_ITEMS,
    CourseKeySerializer,
    IdListField,
    Reference,
    ReferenceListField,
    ReferencesSerializer,
    StudentKeySerializer,
    check_references,
    find_keys,
    iterate_references,
)
from students.enrollment.keys import NO_ID, resolve_keys
from students.enrollment.rules import COURSE, OVERRIDABLE, STUDENT, PairField
from students.enrollment.transitions import (
    ENROLL,
    WITHDRAW,
    EnrollmentChange,
    Options,
    Transition,
)
from students.models import Status

SETTABLE = [status for status in Status.choices if status[0] != Status.WAITLISTED]


class OptionsSerializer(ReferencesSerializer):
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
        attrs = super().validate(attrs)
        if attrs.get("override") and not attrs.get("reason"):
            raise serializers.ValidationError(
                {"reason": [_("An override needs a reason.")]}, code="required"
            )
        return {**attrs, "keys": resolve_keys(find_keys(attrs))}

    def change(
        self,
        student: Reference,
        course: Reference,
        transition: Transition = ENROLL,
        pointer: str = "",
    ) -> EnrollmentChange:
        """The change of one pair, whose sides are ids or keys."""
        references: dict[PairField, Reference] = {STUDENT: student, COURSE: course}
        ids = {}
        keys = {}
        for side, reference in references.items():
            if isinstance(reference, int):
                ids[side] = reference
            else:
                keys[side] = self.validated_data["keys"][reference]
                ids[side] = keys[side].id
        return EnrollmentChange(ids[STUDENT], ids[COURSE], transition, pointer, keys)

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
    """A body with the fields of one of `forms`, and no other but the options.

    It has all fields of its form, or any of them unless `needs_all_fields`. A field for ids may be
    replaced by the one for keys.
    """

    forms: tuple[frozenset[str], ...] = ()
    needs_all_fields = True
    default_error_messages = {"form": _("Give %(forms)s.")}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        options = OptionsSerializer._declared_fields.keys()
        given = {KEY_FIELDS.get(name, name) for name in attrs if name not in options}
        form = next((form for form in self.forms if given and given <= form), None)
        if form is None:
            forms = _(" or ").join(", ".join(sorted(form)) for form in self.forms)
            raise serializers.ValidationError(
                self.error_messages["form"] % {"forms": forms}, code="required"
            )
        if self.needs_all_fields:
            check_references(attrs, form)
        return super().validate(attrs)


class CoursesBodySerializer(OneOfFieldsSerializer):
    """Courses for one student to be enrolled in."""

    course_id = IdField(required=False)
    course = CourseKeySerializer(required=False)
    course_ids = IdListField(allow_empty=False, required=False)
    courses = ReferenceListField(CourseKeySerializer, allow_empty=False, required=False)
    forms = (frozenset({"course_id"}), frozenset({"course_ids"}))

    def changes(self, student_id: int) -> list[EnrollmentChange]:
        names = ("course_id", "course", "course_ids", "courses")
        return [
            self.change(student_id, course, ENROLL, pointer)
            for course, pointer in iterate_references(self.validated_data, *names)
        ]


class StudentsBodySerializer(OneOfFieldsSerializer):
    """Students to be enrolled in one course."""

    student_id = IdField(required=False)
    student = StudentKeySerializer(required=False)
    student_ids = IdListField(allow_empty=False, required=False)
    students = ReferenceListField(StudentKeySerializer, allow_empty=False, required=False)
    forms = (frozenset({"student_id"}), frozenset({"student_ids"}))

    def changes(self, course_id: int) -> list[EnrollmentChange]:
        names = ("student_id", "student", "student_ids", "students")
        return [
            self.change(student, course_id, ENROLL, pointer)
            for student, pointer in iterate_references(self.validated_data, *names)
        ]


class CoursesPatchSerializer(OneOfFieldsSerializer):
    """Courses to add and to remove; `course_ids` and `courses` add."""

    add = ReferenceListField(CourseKeySerializer, required=False)
    remove = ReferenceListField(CourseKeySerializer, required=False)
    course_ids = IdListField(allow_empty=False, required=False)
    courses = ReferenceListField(CourseKeySerializer, allow_empty=False, required=False)
    forms = (frozenset({"add", "remove"}), frozenset({"course_ids"}))
    needs_all_fields = False

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        added, removed = ({*_get_ids(attrs, name)} for name in ("add", "remove"))
        if both := (added & removed) - {NO_ID}:
            message = _("A course is either added or removed, not both: %(ids)s.") % {
                "ids": ", ".join(map(str, sorted(both)))
            }
            raise serializers.ValidationError({"remove": [message]}, code="contradiction")
        return attrs

    def changes(self, student_id: int) -> list[EnrollmentChange]:
        fields: list[tuple[str, Transition]] = [
            ("add", ENROLL),
            ("course_ids", ENROLL),
            ("courses", ENROLL),
            ("remove", WITHDRAW),
        ]
        changes = []
        for name, transition in fields:
            for course, pointer in iterate_references(self.validated_data, name):
                changes.append(self.change(student_id, course, transition, pointer))
        return changes


class CoursesPutSerializer(OptionsSerializer):
    """Exactly the courses that a student shall have, of all terms or of one."""

    course_ids = IdListField(required=False)
    courses = ReferenceListField(CourseKeySerializer, required=False)
    term = StrictCharField(
        required=False, help_text="Code of a term. Courses of other terms are left as they are."
    )
    required_references = ("course_ids",)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if "term" not in attrs:
            return attrs
        code = clean_line(attrs["term"])
        term = Term.objects.filter(code=code).first()
        if term is None:
            message = _("There is no term with the code %(code)s.") % {"code": code}
            raise serializers.ValidationError({"term": [message]}, code="not_found")
        name = "courses" if "courses" in attrs else "course_ids"
        ids = _get_ids(attrs, name)
        courses = Course.objects.filter(pk__in=ids).exclude(term=term)
        others = dict(courses.order_by().values_list("pk", "term__code"))
        errors = {}
        for index, course_id in enumerate(ids):
            if course_id in others:
                errors[index] = [_("This course is in the term %s.") % others[course_id]]
        if errors:
            detail: Any = {name: errors}
            raise serializers.ValidationError(detail, code="contradiction")
        return {**attrs, "term": term}

    def changes(self, student_id: int) -> list[EnrollmentChange]:
        return [
            self.change(student_id, course, ENROLL, pointer)
            for course, pointer in iterate_references(self.validated_data, "course_ids", "courses")
        ]


class PairSerializer(ReferencesSerializer):
    """One student and one course."""

    student_id = IdField(required=False)
    student = StudentKeySerializer(required=False)
    course_id = IdField(required=False)
    course = CourseKeySerializer(required=False)
    required_references = (STUDENT, COURSE)


class EnrollmentsBodySerializer(OneOfFieldsSerializer):
    """One student and one course, or a list of such pairs."""

    student_id = IdField(required=False)
    student = StudentKeySerializer(required=False)
    course_id = IdField(required=False)
    course = CourseKeySerializer(required=False)
    enrollments = PairSerializer(  # type: ignore[call-arg]
        many=True, required=False, allow_empty=False, max_length=MAX_ITEMS
    )
    forms = (frozenset({STUDENT, COURSE}), frozenset({"enrollments"}))

    @property
    def is_batch(self) -> bool:
        return "enrollments" in self.validated_data

    def changes(self) -> list[EnrollmentChange]:
        body = self.validated_data
        if not self.is_batch:
            return [self._pair_change(body, "/{field}")]
        return [
            self._pair_change(pair, f"/enrollments/{index}/{{field}}")
            for index, pair in enumerate(body["enrollments"])
        ]

    def _pair_change(self, pair: Mapping[str, Any], pointer: str) -> EnrollmentChange:
        student = pair.get("student_id") or pair["student"]
        course = pair.get("course_id") or pair["course"]
        return self.change(student, course, ENROLL, pointer)


class StatusBodySerializer(OptionsSerializer):
    """The status that an enrollment shall have."""

    status = serializers.ChoiceField(choices=SETTABLE)


def _get_ids(body: Mapping[str, Any], name: str) -> list[int]:
    """The ids of the references in a list of `body`; NO_ID for a key that is unknown."""
    return [item if isinstance(item, int) else body["keys"][item].id for item in body.get(name, [])]
