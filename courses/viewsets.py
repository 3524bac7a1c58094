"""API endpoints of terms and courses."""

from typing import Any

from django.http import Http404

from core.api.viewsets import ModelViewSet
from courses.filters import CourseFilterSet
from courses.models import Course, Term
from courses.serializers import CourseSerializer, TermSerializer


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
    """Courses with their seats."""

    queryset = Course.objects.select_related("term").with_seats().order_by("id")
    serializer_class = CourseSerializer
    filterset_class = CourseFilterSet
