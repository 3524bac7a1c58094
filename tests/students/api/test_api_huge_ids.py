"""Ids in a path beyond 64 bits, which no row can have and which SQLite cannot compare."""

import pytest
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db
HUGE = 602660991999945199673409536


@pytest.mark.parametrize("query", ["", "?count=true", "?limit=2&count=true", "?status=all"])
@pytest.mark.parametrize("path", ["/courses/{}/students", "/students/{}/courses"])
def test_a_list_is_404(api: APIClient, path: str, query: str) -> None:
    assert api.get(f"/api/v1{path.format(HUGE)}{query}").status_code == 404


@pytest.mark.parametrize("query", ["", "?count=true"])
def test_a_history_is_404(api: APIClient, query: str) -> None:
    assert api.get(f"/api/v1/enrollments/{HUGE}/history{query}").status_code == 404


@pytest.mark.parametrize("path", ["/students/{}", "/courses/{}", "/enrollments/{}"])
def test_a_row_is_404(api: APIClient, path: str) -> None:
    url = f"/api/v1{path.format(HUGE)}"
    assert api.get(url).status_code == 404
    assert api.get(url, headers={"If-Match": '"x"'}).status_code == 404
