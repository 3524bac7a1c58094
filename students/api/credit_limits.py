"""The credit limits of one student in the API."""

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import status, viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.compiled_reads import CompiledReadMixin
from core.api.etags import PreconditionFailed, add_etag, check_preconditions, has_precondition
from core.api.viewsets import StrictParametersMixin
from core.db.compiled import CompiledQuery
from core.db.parameters import Parameter
from core.db.transactions import atomic_with_reruns
from core.ids import MAX_ID
from core.text import without_nul
from courses.models import Term
from students.api.serializers import CreditLimitSerializer
from students.enrollment import locks
from students.models import CreditLimit, Student


class CreditLimitViewSet(
    StrictParametersMixin, CompiledReadMixin, viewsets.GenericViewSet[CreditLimit]
):
    """The terms in which one student may take more or fewer credits than others."""

    compiled_reads = True
    queryset = CreditLimit.objects.select_related("term").order_by("id")
    serializer_class = CreditLimitSerializer
    path_filter = {"student": "student_id"}
    parent_query = CompiledQuery(
        Student.objects.filter(pk=Parameter("student_id")).order_by().values_list("pk")
    )
    permissions = {
        "GET": ["students.view_creditlimit"],
        "PUT": ["students.view_creditlimit"],
        "DELETE": ["students.delete_creditlimit"],
    }

    def retrieve(self, request: Request, student_id: int, term: str) -> Response:
        return add_etag(Response(self.get_serializer(self.get_limit(term)).data), request)

    @extend_schema(
        responses={200: CreditLimitSerializer, 201: CreditLimitSerializer},
        description="Let the student take other credits in this term than `max_credits` of the "
        "term. `null`: any number.",
    )
    @atomic_with_reruns
    def update(self, request: Request, student_id: int, term: str) -> Response:
        """Create or change the limit.

        Raises PermissionDenied without the right to create or change, and PreconditionFailed.
        """
        # Before the term is read: the locks of a student come before all others.
        locks.lock_students_and_courses([student_id], ())
        student = get_object_or_404(Student, pk=student_id)
        of_term = get_object_or_404(Term, code=without_nul(term))
        row = self.get_queryset().filter(term=of_term).first()
        if not request.user.has_perm(f"students.{'change' if row else 'add'}_creditlimit"):
            raise PermissionDenied
        if row is None and "HTTP_IF_MATCH" in request.META:
            raise PreconditionFailed
        if row is not None and has_precondition(request):
            check_preconditions(request, self.get_serializer(row).data)
        key = {"student": student, "term": of_term}
        context = {**self.get_serializer_context(), "key": key}
        serializer = CreditLimitSerializer(row, data=request.data, context=context)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        code = status.HTTP_200_OK if row else status.HTTP_201_CREATED
        # As the database has it.
        data = self.get_serializer(self.get_limit(term)).data
        return add_etag(Response(data, status=code))

    @extend_schema(responses={204: None}, description="Let the limit of the term hold again.")
    @atomic_with_reruns
    def destroy(self, request: Request, student_id: int, term: str) -> Response:
        locks.lock_students_and_courses([student_id], ())
        row = self.get_limit(term)
        if has_precondition(request):
            check_preconditions(request, self.get_serializer(row).data)
        row.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    def get_limit(self, term: str) -> CreditLimit:
        """The limit in the term with this code. Raises Http404."""
        # SQLite cannot compare a number of more than 64 bits.
        if self.kwargs["student_id"] > MAX_ID:
            raise Http404
        limit: CreditLimit = get_object_or_404(self.get_queryset(), term__code=without_nul(term))
        return limit
