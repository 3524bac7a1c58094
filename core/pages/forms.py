"""Base classes and fields of the forms on the staff pages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from core.conflicts import ConflictAwareForm
from core.history.actor import Door, record_changes_as


class SearchField(forms.CharField):
    def __init__(self) -> None:
        super().__init__(
            label=_("Search"),
            max_length=200,
            required=False,
            widget=forms.TextInput(attrs={"type": "search"}),
        )


class QueryForm(forms.Form):
    """A form of a GET request. Invalid values are ignored, with an error beside their field."""

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)

    @property
    def valid_data(self) -> dict[str, Any]:
        """The valid values of the query, by field."""
        self.is_valid()
        return self.cleaned_data

    @property
    def search_text(self) -> str:
        """The text of the search field, if the form has one."""
        return self.valid_data.get("q") or ""


class FilterForm(QueryForm):
    """The search and the filters of a list."""

    q = SearchField()

    def filter_queryset(self, queryset: Any) -> Any:
        """The rows of `queryset` that match the query."""
        return queryset.search(self.search_text) if self.search_text else queryset


class OptionalBooleanField(forms.TypedChoiceField):
    """True, false or None; in the query `true`, `false` or empty, as in the API."""

    def __init__(self, *, either: Any, yes: Any, no: Any, **kwargs: Any) -> None:
        choices = [("", either), ("true", yes), ("false", no)]
        super().__init__(
            choices=choices,
            coerce=lambda text: text == "true",
            empty_value=None,
            required=False,
            **kwargs,
        )


class PersonFilterForm(FilterForm):
    """The search and the filters of a list of people who are active or not."""

    is_active = OptionalBooleanField(
        label=_("Active"), either=_("Active or not"), yes=_("Active"), no=_("Not active")
    )

    def filter_queryset(self, queryset: Any) -> Any:
        queryset = super().filter_queryset(queryset)
        active = self.valid_data.get("is_active")
        return queryset if active is None else queryset.filter(is_active=active)


class EditForm(ConflictAwareForm):
    """A form of the staff pages that creates or changes a row."""

    error_css_class = "wrong"

    def save_changes(self, request: HttpRequest) -> bool:
        """Save the changes. Returns False, with the errors in the form, if they are invalid."""
        if not self.is_valid():
            return False
        try:
            columns = {field.name for field in self.instance._meta.concrete_fields}
            changed = [name for name in self.changed_data if name in columns]
            with record_changes_as(Door.STAFF, request, self.reason_given):
                if not self.instance.pk:
                    self.instance.save()
                elif changed:
                    self.instance.save(update_fields=changed)
                self.save_related()
        except ValidationError as error:
            # Another transaction took a unique value after the form was checked.
            self.add_error(None, error)
            return False
        return True

    def save_related(self) -> None:
        """Save what the form changes beside the row, which is saved and locked."""
