"""API endpoints of terms, courses and teachers."""

from typing import Any

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.etags import add_etag, check_preconditions
from core.api.viewsets import ModelViewSet, StrictParametersMixin
from courses.filters import CourseFilterSet, TeacherFilterSet
from courses.models import Course, Teacher, Term
from courses.serializers import (
    CourseSerializer,
    CourseTeachersSerializer,
    TeacherSerializer,
    TermSerializer,
)
from courses.teaching import set_teachers


class TermViewSet(ModelViewSet):
    """Terms, by their code."""

    queryset = Term.objects.order_by("id")
    serializer_class = TermSerializer
    lookup_field = "code"
    lookup_value_converter = "str"

    def get_object(self) -> Any:
        # No code has a NUL, and PostgreSQL refuses texts with one.
        if "\0" in self.kwargs["code"]:
            raise Http404
        return super().get_object()


class CourseViewSet(ModelViewSet):
    """Courses with their seats and teachers."""

    queryset = Course.objects.select_related("term").with_seats().with_teachers().order_by("id")
    serializer_class = CourseSerializer
    filterset_class = CourseFilterSet


class TeacherViewSet(ModelViewSet):
    """Teachers."""

    queryset = Teacher.objects.order_by("id")
    serializer_class = TeacherSerializer
    filterset_class = TeacherFilterSet


class CourseTeachersViewSet(StrictParametersMixin, viewsets.GenericViewSet[Course]):
    """The teachers of one course."""

    queryset = Course.objects.with_teachers().order_by("id")
    serializer_class = CourseTeachersSerializer
    permissions = {"GET": ["courses.view_course"], "PUT": ["courses.change_course"]}

    def retrieve(self, request: Request, course_id: int) -> Response:
        course = get_object_or_404(self.get_queryset(), pk=course_id)
        return add_etag(Response(self.get_serializer(course).data), request)

    @extend_schema(description="Give the course exactly these teachers.")
    @transaction.atomic
    def update(self, request: Request, course_id: int) -> Response:
        Course.get_locked(pk=course_id)
        course = get_object_or_404(self.get_queryset(), pk=course_id)
        check_preconditions(request, self.get_serializer(course).data)
        body = CourseTeachersSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        set_teachers({course.pk: body.assignments})
        changed = self.get_queryset().get(pk=course.pk)
        return add_etag(Response(self.get_serializer(changed).data))
