"""What all forms of the staff pages share."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from core.conflicts import ConflictAwareForm


class SearchField(forms.CharField):
    def __init__(self) -> None:
        super().__init__(
            label=_("Search"),
            max_length=200,
            required=False,
            widget=forms.TextInput(attrs={"type": "search"}),
        )


class QueryForm(forms.Form):
    """What a page's query asks for. A value that cannot be read is passed over, and a message beside its field says so."""

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)

    @property
    def valid_data(self) -> dict[str, Any]:
        """What could be read of the query."""
        self.is_valid()
        return self.cleaned_data


class FilterForm(QueryForm):
    """What narrows a list."""

    q = SearchField()

    def filter_queryset(self, queryset: Any) -> Any:
        """The rows of `queryset` that are wanted."""
        text = self.valid_data.get("q")
        return queryset.search(text) if text else queryset


class OptionalBooleanField(forms.TypedChoiceField):
    """Yes, no, or no matter; `true`, `false` or nothing, as in the API."""

    def __init__(self, *, either: Any, yes: Any, no: Any, **kwargs: Any) -> None:
        choices = [("", either), ("true", yes), ("false", no)]
        super().__init__(
            choices=choices,
            coerce=lambda text: text == "true",
            empty_value=None,
            required=False,
            **kwargs,
        )


class EditForm(ConflictAwareForm):
    """Makes a row of the staff pages, or changes one."""

    error_css_class = "wrong"

    def save_changes(self) -> bool:
        """Save what is new, if all of it is valid. Answers whether it was; if not, the form has its errors."""
        if not self.is_valid():
            return False
        try:
            if not self.instance.pk:
                self.instance.save()
            elif self.changed_data:
                self.instance.save(update_fields=self.changed_data)
        except ValidationError as error:
            # Somebody else took a value that was free when it was checked.
            self.add_error(None, error)
            return False
        return True
