"""The base class of the viewsets that edit rows of a model."""

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError
from django.db.models import Model
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from core.api.etags import add_etag, check_preconditions, has_precondition
from core.api.parameters import PAGE_PARAMETERS, refuse_parameters, refuse_repeated_parameters
from core.db.transactions import atomic_with_reruns


class StrictParametersMixin(APIView):
    """Refuses unknown and repeated query parameters, for every method."""

    # Actions that answer with a page, but have no filters. FilterBackend checks those of "list".
    paginated_actions = frozenset({"history"})

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        action = getattr(self, "action", None)
        refuse_repeated_parameters(request.query_params)
        if action != "list":
            known = PAGE_PARAMETERS if action in self.paginated_actions else set()
            refuse_parameters(set(request.query_params) - known)


class ModelViewSet(StrictParametersMixin, viewsets.ModelViewSet[Any]):
    """DRF's ModelViewSet with ETags. A row is locked before preconditions are checked."""

    lookup_value_converter = "int"

    def get_object(self) -> Any:
        if self.action in ("update", "partial_update", "destroy"):
            # A query of its own: if it waits, the query below sees what was committed meanwhile
            # in joined and counted tables too.
            self.get_queryset().model.get_locked(
                **{self.lookup_field: self.kwargs[self.lookup_url_kwarg or self.lookup_field]}
            )
        row = super().get_object()
        if has_precondition(self.request):
            check_preconditions(self.request, self.get_serializer(row).data)
        return row

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return add_etag(super().retrieve(request, *args, **kwargs), request)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return add_etag(super().create(request, *args, **kwargs))

    @atomic_with_reruns
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return add_etag(super().update(request, *args, **kwargs))

    @atomic_with_reruns
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().destroy(request, *args, **kwargs)

    def perform_create(self, serializer: BaseSerializer[Model]) -> None:
        super().perform_create(serializer)
        self._refresh_instance(serializer)

    def perform_update(self, serializer: BaseSerializer[Model]) -> None:
        super().perform_update(serializer)
        self._refresh_instance(serializer)

    def _refresh_instance(self, serializer: BaseSerializer[Model]) -> None:
        """Read the row again with the view's queryset, for the annotations of the response."""
        assert serializer.instance is not None
        try:
            serializer.instance = self.get_queryset().get(pk=serializer.instance.pk)
        except ObjectDoesNotExist as error:
            raise IntegrityError(
                "A row that this one refers to was deleted by another transaction."
            ) from error

    def get_success_headers(self, data: Any) -> dict[str, str]:
        key = data["id" if self.lookup_field == "pk" else self.lookup_field]
        return {"Location": self.reverse_action("detail", args=[key])}
