"""What viewsets of a model's rows share: a row is locked while it is changed, and If-Match is asked under the lock."""

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, transaction
from django.db.models import Model
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from core.api.etags import add_etag, check_if_match, has_if_match


class ModelViewSet(viewsets.ModelViewSet[Any]):
    """A model's rows: list, create, read, change, delete. A row is locked while it is changed."""

    lookup_value_converter = "int"

    def get_object(self) -> Any:
        if self.action in ("update", "partial_update", "destroy"):
            # That row alone: after a wait, what is joined to it and counted of it would be as it was before.
            self.get_queryset().model.get_locked(
                **{self.lookup_field: self.kwargs[self.lookup_url_kwarg or self.lookup_field]}
            )
        row = super().get_object()
        if has_if_match(self.request):
            check_if_match(self.request, self.get_serializer(row).data)
        return row

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return add_etag(super().retrieve(request, *args, **kwargs))

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return add_etag(super().create(request, *args, **kwargs))

    @transaction.atomic
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return add_etag(super().update(request, *args, **kwargs))

    @transaction.atomic
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().destroy(request, *args, **kwargs)

    def perform_create(self, serializer: BaseSerializer[Model]) -> None:
        super().perform_create(serializer)
        self._read_again(serializer)

    def perform_update(self, serializer: BaseSerializer[Model]) -> None:
        super().perform_update(serializer)
        self._read_again(serializer)

    def _read_again(self, serializer: BaseSerializer[Model]) -> None:
        """What is answered is read by the view's own query, counts and all."""
        assert serializer.instance is not None
        try:
            serializer.instance = self.get_queryset().get(pk=serializer.instance.pk)
        except ObjectDoesNotExist as error:
            raise IntegrityError(
                "What the row refers to was deleted meanwhile, as the database will say at the end."
            ) from error

    def get_success_headers(self, data: Any) -> dict[str, str]:
        return {
            "Location": self.reverse_action(
                "detail", args=[data[self.lookup_field if self.lookup_field != "pk" else "id"]]
            )
        }
