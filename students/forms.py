"""Forms of students and enrollments."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _

from core.datetime_fields import DateTimeLocalField
from core.db.search import search_filter
from core.ids import is_id
from core.pages.forms import EditForm, QueryForm, SearchField
from students.enrollment.rules import OVERRIDABLE, Refusal
from students.enrollment.transitions import WITHDRAW, WITHDRAW_MISTAKE, Options, Transition
from students.history.queries import as_of
from students.models import CURRENT_STATUSES, CreditLimit, Status, Student


class StudentForm(EditForm):
    class Meta:
        model = Student
        fields = ("number", "first_name", "last_name", "email", "is_active")


class CreditLimitForm(EditForm):
    """The limit of one student. Its term cannot be changed."""

    class Meta:
        model = CreditLimit
        fields = ("term", "max_credits", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["term"]

    def _get_validation_exclusions(self) -> set[str]:
        # The student of the path has one limit in each term.
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - {"student"}


class AsOfForm(QueryForm):
    """Selects the moment at which enrollments are shown."""

    as_of = DateTimeLocalField(label=_("As it stood at"), required=False)

    def filter_queryset(self, queryset: Any) -> Any:
        moment = self.valid_data.get("as_of")
        return as_of(moment, queryset) if moment else queryset


class StudentCoursesFilterForm(AsOfForm):
    """Selects the enrollments of a student's page."""

    by_mistake = forms.BooleanField(label=_("With those entered by mistake"), required=False)

    def filter_queryset(self, queryset: Any) -> Any:
        queryset = super().filter_queryset(queryset)
        return queryset if self.valid_data.get("by_mistake") else queryset.filter(by_mistake=False)


class RosterFilterForm(AsOfForm):
    """Filters and sorts the enrollments of a course; by default the current ones, by name."""

    q = SearchField()
    status = forms.ChoiceField(
        label=_("Status"),
        choices=[
            ("", _("Current")),
            *Status.choices,
            ("all", _("All")),
            ("mistake", _("Entered by mistake")),
        ],
        required=False,
    )

    order = forms.ChoiceField(
        label=_("Sort by"),
        choices=[("", _("Name")), ("number", _("Number")), ("enrolled", _("Latest first"))],
        required=False,
    )

    field_order = ["q", "status", "order", "as_of"]

    def filter_queryset(self, queryset: Any) -> Any:
        queryset = super().filter_queryset(queryset)
        status = self.valid_data.get("status")
        if self.search_text:
            queryset = queryset.filter(search_filter(self.search_text, "student__search_key"))
        if status == "mistake":
            return queryset.filter(by_mistake=True)
        queryset = queryset.filter(by_mistake=False)
        if status == "all":
            return queryset
        return queryset.filter(status__in=[status] if status else CURRENT_STATUSES)


class PrerequisiteReviewFilterForm(QueryForm):
    """Searches and sorts the enrollments of a term whose prerequisites are not completed yet."""

    q = SearchField()
    order = forms.ChoiceField(
        label=_("Sort by"),
        choices=[("", _("Course")), ("student", _("Student")), ("enrolled", _("Latest first"))],
        required=False,
    )

    def filter_queryset(self, queryset: Any) -> Any:
        """The enrollments of which each word of the search is found in student or course."""
        for word in self.search_text.split():
            queryset = queryset.filter(
                search_filter(word, "student__search_key")
                | search_filter(word, "course__search_key")
            )
        return queryset


class IdsField(forms.Field):
    """A list of ids without duplicates. It does not check that the rows exist."""

    widget = forms.MultipleHiddenInput

    def to_python(self, values: list[str] | None) -> list[int]:
        for text in values or []:
            if not is_id(text):
                raise ValidationError(
                    _("“%(text)s” is not an id."), code="invalid", params={"text": text[:30]}
                )
        return parse_ids(values or [])


class OptionsForm(forms.Form):
    """How to enroll: what to do where a course is full, and which refusals to override."""

    on_full = forms.ChoiceField(
        label=_("Where a course is full"),
        choices=[("refuse", _("Refuse")), ("waitlist", _("Put the student on the waitlist"))],
        required=False,
    )
    override = forms.MultipleChoiceField(
        label=_("Override what was refused"),
        choices=[(refusal.value, refusal.value) for refusal in OVERRIDABLE],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        required=False,
        help_text=_("Needed to override. Kept in the history."),
    )

    def __init__(self, data: QueryDict, *, sent: bool) -> None:
        """Bind the form to `data` if `sent`; otherwise show `data` as initial values."""
        initial = {
            "on_full": data.get("on_full"),
            "override": data.getlist("override"),
            "reason": data.get("reason"),
        }
        super().__init__(data if sent else None, initial=initial)
        self.offered: list[Refusal] = []

    def clean(self) -> dict[str, Any]:
        if (
            self.cleaned_data.get("override")
            and not self.cleaned_data.get("reason")
            and "reason" not in self.errors
        ):
            self.add_error(
                "reason", ValidationError(_("An override needs a reason."), code="required")
            )
        return self.cleaned_data

    def offer(self, refused: Collection[str]) -> None:
        """Offer to override those of the codes `refused` that can be overridden.

        Refusals that are ticked already stay offered.
        """
        ticked = self["override"].value() or []
        self.offered = [
            refusal for refusal in OVERRIDABLE if refusal in refused or refusal in ticked
        ]
        choices = [
            (refusal.value, __("Enroll %(although)s") % {"although": refusal.override_phrase})
            for refusal in self.offered
        ]
        self.fields["override"].choices = choices  # type: ignore[attr-defined]

    @property
    def visible_options(self) -> list[forms.BoundField]:
        """The fields to show: the override and its reason only where a refusal is offered."""
        return [
            self[name]
            for name in ("on_full", "override", "reason")
            if self.offered or name == "on_full"
        ]

    @property
    def options(self) -> Options:
        """The options that are valid; without a valid override nothing is overridden."""
        return Options(
            waitlist=self.cleaned_data.get("on_full") == "waitlist",
            override=self.cleaned_data.get("override") or (),
        )

    @property
    def reason_given(self) -> str:
        return self.cleaned_data.get("reason") or ""


class AssociationForm(OptionsForm):
    """The rows to enroll, as ids in the field named `choices`, and how to enroll them."""

    def __init__(self, choices: str, data: QueryDict, *, sent: bool, nothing_chosen: Any) -> None:
        super().__init__(data, sent=sent)
        self.choices = choices
        skip = ("skip", _("Leave those out and enroll the others"))
        self.fields["on_full"].choices += [skip]  # type: ignore[attr-defined]
        self.fields[choices] = IdsField(error_messages={"required": nothing_chosen})

    @property
    def skips_full(self) -> bool:
        return self.cleaned_data.get("on_full") == "skip"

    @property
    def ids(self) -> list[int]:
        """The chosen ids; empty where they are not valid."""
        return self.cleaned_data.get(self.choices) or []


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        required=False,
        help_text=_("Kept in the history. It may be left empty."),
    )


class WithdrawForm(ReasonForm):
    by_mistake = forms.BooleanField(
        label=_("Entered by mistake"),
        required=False,
        help_text=_("The student never attended. Lists leave the enrollment out then."),
    )

    @property
    def transition(self) -> Transition:
        return WITHDRAW_MISTAKE if self.cleaned_data["by_mistake"] else WITHDRAW


def parse_ids(texts: list[str]) -> list[int]:
    """Return the ids among `texts`, in their order and without duplicates."""
    return list(dict.fromkeys(int(text) for text in texts if is_id(text)))
