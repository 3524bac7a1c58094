"""`/students/new/` and `/students/{id}/edit/`."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.forms.models import construct_instance
from django.test import Client

from students.factories import StudentFactory
from students.forms import StudentForm
from students.models import Student

pytestmark = pytest.mark.django_db

FIELDS = {
    "number": "S-7",
    "first_name": "Ann",
    "last_name": "Lee",
    "email": "ann@school.example",
    "is_active": "on",
}


def sent_back(form: Any, **typed: str) -> dict[str, str]:
    """Return the fields that a browser sends for `form`: its values, changed by `typed`."""
    values = (
        {field.html_name: field.value() for field in form}
        | {field.html_initial_name: field.value() for field in form}
        | typed
    )
    return {
        name: str(value) for name, value in values.items() if value is not False and value != "off"
    }


class TestNew:
    def test_creates_a_student_with_a_history(self, registrar: Client) -> None:
        answer = registrar.post("/students/new/", FIELDS)
        student = Student.objects.get()
        assert (answer.status_code, answer["Location"]) == (302, f"/students/{student.pk}/")
        assert (
            student.number,
            student.first_name,
            student.last_name,
            student.email,
            student.is_active,
        ) == ("S-7", "Ann", "Lee", "ann@school.example", True)
        assert "Ann Lee (S-7) was saved." in registrar.get(answer["Location"]).content.decode()
        record = student.history.get()
        assert (record.history_type, record.door, record.history_user.username) == (
            "+",
            "staff",
            "registrar",
        )

    def test_an_inactive_one(self, registrar: Client) -> None:
        registrar.post("/students/new/", FIELDS | {"is_active": ""})
        assert Student.objects.get().is_active is False

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("number", "", "This field is required."),
            ("number", "/", "A number begins with"),
            ("number", "\0", "Null characters"),
            ("email", "no", "valid email"),
            ("first_name", "x" * 101, "at most 100"),
        ],
    )
    def test_an_error_is_shown_beside_its_field_and_the_values_stay(
        self, registrar: Client, field: str, value: str, words: str
    ) -> None:
        answer = registrar.post("/students/new/", FIELDS | {field: value})
        assert answer.status_code == 422
        text = " ".join(answer.content.decode().split())
        assert text.count(words) == 2  # in the summary, and at the field
        assert f'href="#id_{field}"' in text
        assert f'id="id_{field}_error"' in text
        assert (
            f"id_{field}_error"
            in text.split(f'id="id_{field}"')[0].rpartition("<input")[2]
            + text.split(f'id="id_{field}"')[1].partition(">")[0]
        )
        for name, kept in FIELDS.items():
            assert name in (field, "is_active") or f'value="{kept}"' in text
        assert not Student.objects.exists()

    @pytest.mark.parametrize(
        ("field", "value"), [("number", "S-7"), ("email", "ANN@school.example")]
    )
    def test_a_number_or_email_in_use_is_refused(
        self, registrar: Client, field: str, value: str
    ) -> None:
        StudentFactory.create(**FIELDS | {"is_active": True})
        answer = registrar.post(
            "/students/new/",
            FIELDS | {"number": "S-8", "email": "other@school.example", field: value},
        )
        assert answer.status_code == 422
        assert field in answer.context["form"].errors

    def test_an_email_taken_at_the_same_moment_is_refused(
        self, registrar: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The check finds the email free; it is taken before the row is inserted."""
        StudentFactory.create(email="ann@school.example")
        monkeypatch.setattr(
            StudentForm, "_post_clean", lambda form: construct_instance(form, form.instance)
        )
        answer = registrar.post("/students/new/", FIELDS)
        assert answer.status_code == 422
        assert "A student with this email already exists." in answer.content.decode()
        assert 'value="S-7"' in answer.content.decode()
        assert Student.objects.count() == 1


class TestEdit:
    def test_saves_the_changed_fields(self, registrar: Client) -> None:
        student = StudentFactory.create()
        url = f"/students/{student.pk}/edit/"
        answer = registrar.post(
            url, sent_back(registrar.get(url).context["form"], first_name="New", is_active="off")
        )
        assert (answer.status_code, answer["Location"]) == (302, f"/students/{student.pk}/")
        student.refresh_from_db()
        assert (student.first_name, student.is_active) == ("New", False)
        assert [record.history_type for record in student.history.all()] == ["~", "+"]

    def test_an_unchanged_form_writes_nothing(self, registrar: Client) -> None:
        student = StudentFactory.create()
        url = f"/students/{student.pk}/edit/"
        assert registrar.post(url, sent_back(registrar.get(url).context["form"])).status_code == 302
        assert student.history.count() == 1

    def test_fields_changed_by_somebody_else_stay(self, registrar: Client) -> None:
        student = StudentFactory.create(first_name="Ann", email="old@school.example")
        url = f"/students/{student.pk}/edit/"
        form = registrar.get(url).context["form"]
        Student.objects.filter(pk=student.pk).update(email="new@school.example", is_active=False)
        assert registrar.post(url, sent_back(form, first_name="Anna")).status_code == 302
        student.refresh_from_db()
        assert (student.first_name, student.email, student.is_active) == (
            "Anna",
            "new@school.example",
            False,
        )

    def test_without_initial_values_all_fields_are_saved(self, registrar: Client) -> None:
        student = StudentFactory.create()
        assert (
            registrar.post(f"/students/{student.pk}/edit/", FIELDS | {"is_active": ""}).status_code
            == 302
        )
        student.refresh_from_db()
        assert (student.number, student.email, student.is_active) == (
            "S-7",
            "ann@school.example",
            False,
        )

    def test_an_invalid_value_stays_filled_in(self, registrar: Client) -> None:
        student = StudentFactory.create(last_name="Lee")
        url = f"/students/{student.pk}/edit/"
        answer = registrar.post(
            url, sent_back(registrar.get(url).context["form"], email="no", last_name="Li")
        )
        assert answer.status_code == 422
        text = answer.content.decode()
        assert 'value="no"' in text
        assert 'value="Li"' in text
        assert f'href="/students/{student.pk}/"' in text
        student.refresh_from_db()
        assert student.last_name == "Lee"

    def test_a_number_taken_at_the_same_moment_is_refused(
        self, registrar: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        student = StudentFactory.create()

        def taken(*_args: Any, **_kwargs: Any) -> None:
            raise ValidationError({"number": ["Somebody has it."]})

        monkeypatch.setattr(Student, "save", taken)
        answer = registrar.post(f"/students/{student.pk}/edit/", FIELDS)
        assert answer.status_code == 422
        assert answer.context["form"].errors["number"] == ["Somebody has it."]
