"""The API of students and enrollments. All rules are in `students.enrollment`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Prefetch
from django.utils.translation import gettext as _
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from core.api.compiled_reads import CompiledReadMixin
from core.api.etags import PreconditionFailed, add_etag, check_preconditions, has_precondition
from core.api.viewsets import ModelViewSet, StrictParametersMixin
from core.db.compiled import CompiledQuery
from core.db.parameters import Parameter, TodayParameter
from core.db.transactions import atomic_with_reruns
from core.history.actor import Door, record_changes_as
from core.text import clean_line
from courses.models import Course
from students.api.bodies import (
    CoursesBodySerializer,
    CoursesPatchSerializer,
    CoursesPutSerializer,
    EnrollmentsBodySerializer,
    OptionsSerializer,
    StatusBodySerializer,
    StudentsBodySerializer,
)
from students.api.filters import (
    EnrollmentFilterSet,
    RosterFilterSet,
    StudentCourseFilterSet,
    StudentFilterSet,
)
from students.api.serializers import (
    ChangeEntrySerializer,
    EnrollmentSerializer,
    LoadSerializer,
    OutcomesSerializer,
    RosterSerializer,
    StudentCourseSerializer,
    StudentDetailSerializer,
    StudentSerializer,
    serialize_outcomes,
)
from students.enrollment import locks, service
from students.enrollment.loads import find_loads
from students.enrollment.permissions import (
    CAN_ADD,
    CAN_OVERRIDE,
    CAN_VIEW,
    CAN_WITHDRAW,
    transition_to,
)
from students.enrollment.transitions import EnrollmentChange, Outcome, Refused, Result
from students.history.queries import enrollment_changes
from students.models import Enrollment, Status, Student
from students.shortcuts import withdraw_or_404

ENROLLMENT_OR_OUTCOMES = PolymorphicProxySerializer(
    "EnrollmentOrOutcomes",
    [EnrollmentSerializer, OutcomesSerializer],
    resource_type_field_name=None,
)
T = TypeVar("T")
ServiceCall = Callable[..., list[Result]]
CURRENT_COURSES = (
    Enrollment.objects.current()
    .select_related("course__term")
    .with_position()
    .order_by("course_id")
)
STUDENT_DETAILS = (
    Student.objects.with_course_count()
    .prefetch_related(Prefetch("enrollments", CURRENT_COURSES, to_attr="current_enrollments"))
    .order_by("id")
)
COURSES_OF_STUDENT = CompiledQuery(
    CURRENT_COURSES.filter(student=Parameter("pk")).values_list(
        *StudentCourseSerializer.columns().values()
    )
)
LOADS_OF_STUDENT = CompiledQuery(
    find_loads(Parameter("pk"), TodayParameter()).values_list(*LoadSerializer.columns().values())
)


class StudentViewSet(CompiledReadMixin, ModelViewSet):
    """Students; one of them with the current courses."""

    compiled_reads = True
    queryset = Student.objects.with_course_count().order_by("id")
    detail_queryset = STUDENT_DETAILS
    serializer_class = StudentSerializer
    detail_serializer_class = StudentDetailSerializer
    filterset_class = StudentFilterSet
    related_queries = {
        "courses": (COURSES_OF_STUDENT, StudentCourseSerializer),
        "load": (LOADS_OF_STUDENT, LoadSerializer),
    }


class StudentByNumberViewSet(StudentViewSet):
    """One student by the school's own number, for programs that keep students in step."""

    permissions = {"GET": ["students.view_student"], "PUT": ["students.view_student"]}

    @extend_schema(
        request=StudentDetailSerializer,
        responses={200: StudentDetailSerializer, 201: StudentDetailSerializer},
        description="Create the student with this number, or change the fields that are given.",
        filters=False,
    )
    def upsert(self, request: Request, number: str) -> Response:
        """Create or change the student with this number.

        Raises PermissionDenied without the right to create or change, and PreconditionFailed.
        """
        number = clean_line(number)
        body = request.data if isinstance(request.data, Mapping) else {}
        sent = body.get("number", number)
        if not isinstance(sent, str) or clean_line(sent) != number:
            message = _("This is another number than that of the path.")
            raise serializers.ValidationError({"number": [message]}, code="contradiction")
        students = Student.objects.filter(number=number)
        is_new = not students.exists()
        try:
            return self._upsert(request, number)
        except (ValidationError, serializers.ValidationError):
            if not is_new or not students.exists():
                raise
        # Another request has created the student meanwhile, so this one changes it.
        return self._upsert(request, number)

    @atomic_with_reruns
    def _upsert(self, request: Request, number: str) -> Response:
        row = Student.get_locked(number=number)
        if not request.user.has_perm(f"students.{'change' if row else 'add'}_student"):
            raise PermissionDenied
        if row is None:
            if "HTTP_IF_MATCH" in request.META:
                raise PreconditionFailed
            data = request.data
            if isinstance(data, Mapping):
                data = {**data, "number": number}
            serializer = self.get_serializer(data=data)
            serializer.is_valid(raise_exception=True)
            self.perform_create(serializer)
            location = reverse("student-detail", args=[serializer.data["id"]], request=request)
            response = Response(serializer.data, status=201, headers={"Location": location})
            return add_etag(response)
        row = self.get_queryset().get(pk=row.pk)
        if has_precondition(request):
            check_preconditions(request, self.get_serializer(row).data)
        serializer = self.get_serializer(row, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        self.perform_update(serializer)
        return add_etag(Response(serializer.data))


def call_if_unchanged(request: Request, check: Callable[[], None], write: Callable[[], T]) -> T:
    """Call `write`, where the request has a precondition in one transaction after `check`.

    `check` takes locks, and raises PreconditionFailed where the row is not the one named.
    """
    if not has_precondition(request):
        return write()

    @atomic_with_reruns
    def check_and_write() -> T:
        check()
        return write()

    return check_and_write()


class StudentCoursesViewSet(
    StrictParametersMixin, CompiledReadMixin, viewsets.GenericViewSet[Enrollment]
):
    """The courses of one student."""

    compiled_reads = True
    queryset = Enrollment.objects.select_related("course__term").with_position().order_by("id")
    serializer_class = StudentCourseSerializer
    filterset_class = StudentCourseFilterSet
    path_filter = {"student": "student_id"}
    parent_query = CompiledQuery(
        Student.objects.filter(pk=Parameter("student_id")).order_by().values_list("pk")
    )
    permissions = {
        "GET": [CAN_VIEW],
        "POST": [CAN_ADD],
        "PATCH": [CAN_ADD, CAN_WITHDRAW],
        "PUT": [CAN_ADD, CAN_WITHDRAW],
        "DELETE": [CAN_WITHDRAW],
    }

    def check_unchanged(self, courses: Iterable[int]) -> None:
        """Lock all that a change of `courses` (ids) needs, and compare the student with If-Match.

        The ETag is that of the student with all current courses. Raises PreconditionFailed.
        """
        pk = self.kwargs["student_id"]
        locks.lock_students_and_courses([pk], courses)
        check_preconditions(
            self.request, StudentDetailSerializer(get_object_or_404(STUDENT_DETAILS, pk=pk)).data
        )

    def apply_and_respond(
        self,
        body: CoursesBodySerializer | CoursesPatchSerializer | CoursesPutSerializer,
        write: ServiceCall = service.apply_changes,
        *,
        always_ok: bool = False,
    ) -> Response:
        body.is_valid(raise_exception=True)
        changes = body.changes(self.kwargs["student_id"])
        courses = [change.course_id for change in changes]
        return call_if_unchanged(
            self.request,
            partial(self.check_unchanged, courses),
            partial(apply_and_respond, self, body, changes, write, always_ok=always_ok),
        )

    @extend_schema(
        request=CoursesBodySerializer, responses={200: OutcomesSerializer, 201: OutcomesSerializer}
    )
    def create(self, request: Request, student_id: int) -> Response:
        return self.apply_and_respond(CoursesBodySerializer(data=request.data))

    @extend_schema(request=CoursesPatchSerializer, responses=OutcomesSerializer)
    def partial_update(self, request: Request, student_id: int) -> Response:
        return self.apply_and_respond(CoursesPatchSerializer(data=request.data), always_ok=True)

    @extend_schema(request=CoursesPutSerializer, responses=OutcomesSerializer)
    def update(self, request: Request, student_id: int) -> Response:
        body = CoursesPutSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        term = body.validated_data.get("term")
        replace = partial(service.replace_courses, student_id, term_id=term and term.pk)
        return self.apply_and_respond(body, replace, always_ok=True)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, student_id: int, course_id: int) -> Response:
        call_if_unchanged(
            request,
            partial(self.check_unchanged, [course_id]),
            partial(withdraw_or_404, student_id, course_id),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class RosterViewSet(StrictParametersMixin, CompiledReadMixin, viewsets.GenericViewSet[Enrollment]):
    """The students of one course, in the order in which they came."""

    compiled_reads = True
    queryset = Enrollment.objects.select_related("student").with_position().order_by("id")
    serializer_class = RosterSerializer
    filterset_class = RosterFilterSet
    path_filter = {"course": "course_id"}
    parent_query = CompiledQuery(
        Course.objects.filter(pk=Parameter("course_id")).order_by().values_list("pk")
    )
    permissions = {"GET": [CAN_VIEW], "POST": [CAN_ADD]}

    @extend_schema(
        request=StudentsBodySerializer, responses={200: OutcomesSerializer, 201: OutcomesSerializer}
    )
    def create(self, request: Request, course_id: int) -> Response:
        body = StudentsBodySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return apply_and_respond(self, body, body.changes(course_id))


class EnrollmentViewSet(
    StrictParametersMixin, CompiledReadMixin, viewsets.GenericViewSet[Enrollment]
):
    """Enrollments, one row for each student and course for good."""

    compiled_reads = True
    queryset = (
        Enrollment.objects.select_related("student", "course__term").with_position().order_by("id")
    )
    serializer_class = EnrollmentSerializer
    filterset_class = EnrollmentFilterSet
    lookup_value_converter = "int"
    permissions = {
        "GET": [CAN_VIEW],
        "POST": [CAN_ADD],
        "DELETE": [CAN_WITHDRAW],
        "PATCH": [CAN_VIEW],
    }

    @extend_schema(
        request=EnrollmentsBodySerializer,
        responses={200: ENROLLMENT_OR_OUTCOMES, 201: ENROLLMENT_OR_OUTCOMES},
    )
    def create(self, request: Request) -> Response:
        body = EnrollmentsBodySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        if body.is_batch or body.is_partial:
            return apply_and_respond(self, body, body.changes())
        [result] = apply_request(request, body, body.changes())
        assert result.enrollment is not None
        code = success_status([result])
        data = EnrollmentSerializer.serialize_instance(result.enrollment)
        response = Response(data, status=code)
        if code == status.HTTP_201_CREATED:
            list_url = request.build_absolute_uri(request.path.rstrip("/"))
            response["Location"] = f"{list_url}/{data['id']}"
        return add_etag(response)

    @extend_schema(request=StatusBodySerializer, responses=ENROLLMENT_OR_OUTCOMES)
    def partial_update(self, request: Request, pk: int) -> Response:
        body = StatusBodySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        row: Enrollment = self.get_object()
        transition = transition_to(Status(body.validated_data["status"]), request.user)
        changes = [EnrollmentChange(row.student_id, row.course_id, transition, "/status")]
        check = partial(self.check_unchanged, row)
        if body.is_partial:
            respond = partial(apply_and_respond, self, body, changes, always_ok=True)
            return call_if_unchanged(request, check, respond)
        [result] = call_if_unchanged(request, check, partial(apply_request, request, body, changes))
        return add_etag(Response(self.get_serializer(result.enrollment).data))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        row: Enrollment = self.get_object()
        call_if_unchanged(
            request,
            partial(self.check_unchanged, row),
            partial(withdraw_or_404, row.student_id, row.course_id),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    def check_unchanged(self, row: Enrollment) -> None:
        """Lock `row` in the order of the service. Raises PreconditionFailed."""
        locks.lock_students_and_courses([row.student_id], [row.course_id])
        check_preconditions(self.request, self.get_serializer(self.get_object()).data)

    @extend_schema(responses=ChangeEntrySerializer(many=True), filters=False)
    @action(detail=True, filterset_class=None)
    def history(self, request: Request, pk: int) -> Response:
        """The changes of this enrollment, oldest first."""
        row = self.get_object()
        page = self.paginate_queryset(enrollment_changes().filter(id=row.pk))
        return self.get_paginated_response(ChangeEntrySerializer(page, many=True).data)


def apply_and_respond(
    view: CompiledReadMixin,
    body: OptionsSerializer,
    changes: Sequence[EnrollmentChange],
    write: ServiceCall = service.apply_changes,
    *,
    always_ok: bool = False,
) -> Response:
    """Make `changes` with the options of `body`, and answer with the outcomes.

    Raises Refused, and Http404 where the student or course of the path does not exist.
    """
    try:
        results = apply_request(view.request, body, changes, write)
    except Refused:
        view.check_parent_exists()
        raise
    if not any(result.enrollment for result in results):
        view.check_parent_exists()
    code = status.HTTP_200_OK if always_ok or body.is_partial else success_status(results)
    written = not body.validated_data.get("validate_only")
    data = {"outcomes": serialize_outcomes(results, written=written)}
    if view.parent_query:
        data = {**view.kwargs, **data}
    return Response(data, status=code)


def apply_request(
    request: Request,
    body: OptionsSerializer,
    changes: Sequence[EnrollmentChange],
    write: ServiceCall = service.apply_changes,
) -> list[Result]:
    """Make `changes` with the options of `body`.

    Raises Refused, and PermissionDenied for an override without the permission.
    """
    data = body.validated_data
    if data.get("override") and not request.user.has_perm(CAN_OVERRIDE):
        raise PermissionDenied(_("Overriding a refusal needs the permission to do so."))
    with record_changes_as(Door.API, request._request, data.get("reason", "")):
        return write(
            changes,
            body.options,
            all_or_nothing=data.get("atomic", True),
            validate_only=data.get("validate_only", False),
        )


def success_status(results: list[Result]) -> int:
    written = any(
        result.outcome in (Outcome.CREATED, Outcome.REACTIVATED, Outcome.WAITLISTED)
        for result in results
    )
    return status.HTTP_201_CREATED if written else status.HTTP_200_OK
