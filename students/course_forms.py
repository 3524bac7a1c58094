"""Asks before a course gets times at which some of its students take another course."""

from __future__ import annotations

from copy import copy
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from core.conflicts import ConflictAwareForm
from courses.models import Course
from students.enrollment.clashes import TIME_FIELDS, count_new_clashes

ACCEPT_CLASHES = "accept_clashes"


class ClashConfirmationForm(ConflictAwareForm):
    """A form of a course with a box to accept clashes, which appears where there are new ones."""

    fields_beside_row = ConflictAwareForm.fields_beside_row | {ACCEPT_CLASHES}

    accept_clashes = forms.BooleanField(
        label=_("Save these times all the same"), required=False, widget=forms.HiddenInput
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound and self[ACCEPT_CLASHES].data:
            self._show_box()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        changed = [name for name in TIME_FIELDS if name in self.changed_data]
        is_valid = not any(name in self.errors for name in changed)
        if self.instance.pk and changed and is_valid and not cleaned.get(ACCEPT_CLASHES):
            self._check_clashes({name: cleaned[name] for name in changed})
        return cleaned

    def _check_clashes(self, values: dict[str, Any]) -> None:
        """Add an error, and show the box, if these new values make courses clash."""
        course: Course = self.instance
        changed = copy(course)
        for name, value in values.items():
            setattr(changed, name, value)
        count = count_new_clashes(course, changed)
        if count.clashing:
            self._show_box()
            message = ngettext_lazy(
                "With these times %(clashing)d of the %(students)d students would have a clash.",
                "With these times %(clashing)d of the %(students)d students would have a clash.",
                count.clashing,
            )
            self.add_error(ACCEPT_CLASHES, ValidationError(message, "clashes", count._asdict()))

    def _show_box(self) -> None:
        self.fields[ACCEPT_CLASHES].widget = forms.CheckboxInput()
