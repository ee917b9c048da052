"""What is kept for a user: preferences and saved views."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.models import SavedView, UserPreferences
from devices.web.people.checks import MAX_VIEWS
from devices.web.people.preferences import zone_of

JSON = "application/json"
URL = "/api/v1/me/preferences"
VIEWS = "/api/v1/me/views"
NONE = {"theme": "system", "language": None, "time_zone": None}
AsRole = Callable[..., Client]


def saved(client: Client, **view: Any) -> Any:
    return client.post(VIEWS, {"name": "Cold", "page": "fleet", "query": "tag=cold", **view}, JSON)


def test_who_has_chosen_nothing_has_what_the_browser_has(as_role: AsRole) -> None:
    assert as_role(demo="viewer").get(URL).json() == NONE
    assert not UserPreferences.objects.exists()


def test_what_is_chosen_stays_and_is_the_users_own(as_role: AsRole) -> None:
    ann, bob = as_role("ann", demo="viewer"), as_role("bob")  # bob has no role at all
    chosen = {"theme": "dark", "time_zone": "Europe/Berlin"}
    assert ann.patch(URL, chosen, JSON).json() == {**NONE, **chosen}
    assert ann.patch(URL, {"language": "de"}, JSON).json() == {**NONE, **chosen, "language": "de"}
    assert ann.patch(URL, {"theme": None, "time_zone": None}, JSON).json() == {**NONE, "language": "de"}
    assert bob.get(URL).json() == NONE
    assert bob.patch(URL, {"language": "en"}, JSON).json() == {**NONE, "language": "en"}


@pytest.mark.parametrize(
    "wrong",
    [{"theme": "blue"}, {"language": "fr"}, {"time_zone": "Europe/Atlantis"}, {"time_zone": "../etc/passwd"}, {"x": 1}],
)
def test_what_there_is_not_is_refused_by_name(as_role: AsRole, wrong: dict[str, Any]) -> None:
    answer = as_role(demo="viewer").patch(URL, wrong, JSON)
    assert answer.status_code == 400
    assert next(iter(wrong)) in answer.json()["detail"]
    assert not UserPreferences.objects.exists()


@pytest.mark.parametrize("name", ["", "/etc/localtime", "..", "Europe", "x" * 65, "Europe/\0"])
def test_no_time_zone_is_no_error(name: str) -> None:
    assert zone_of(name) is None


@pytest.mark.django_db
def test_the_pages_are_told_what_is_chosen() -> None:
    client = Client()
    user = User.objects.create_user("vera")
    client.force_login(user)
    UserPreferences.objects.create(user=user, theme="dark")
    assert client.get("/").context["page"]["preferences"] == {**NONE, "theme": "dark"}


def test_views_are_saved_listed_changed_and_forgotten(as_role: AsRole) -> None:
    ann, bob = as_role("ann", demo="viewer"), as_role("bob", demo="viewer")
    made = saved(ann)
    assert made.status_code == 201
    view = made.json()
    assert (view["name"], view["page"], view["query"]) == ("Cold", "fleet", "tag=cold")
    assert ann.get(VIEWS).json() == {"items": [view], "next": None}
    assert bob.get(VIEWS).json()["items"] == []
    one = f"{VIEWS}/{view['id']}"
    assert bob.patch(one, {"name": "mine"}, JSON).status_code == bob.delete(one).status_code == 404
    changed = ann.patch(one, {"name": "Cold rooms"}, JSON).json()
    assert changed == {**view, "name": "Cold rooms"}
    assert ann.patch(one, {"query": "q=%C3%A4"}, JSON).json() == {**changed, "query": "q=%C3%A4"}
    assert ann.delete(one).status_code == 204
    assert ann.delete(one).status_code == 404


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *(("name", wrong) for wrong in ("", " x", "x" * 81, "a\nb")),
        ("page", "none"),
        *(("query", wrong) for wrong in ("?q=1", "q=" + "x" * 2_000, "q=ä", "q#x")),
    ],
)
def test_what_is_no_view_is_refused_by_name(as_role: AsRole, field: str, wrong: str) -> None:
    answer = saved(as_role(demo="viewer"), **{field: wrong})
    assert answer.status_code == 400
    assert field in answer.json()["detail"]


def test_a_page_has_one_view_of_a_name(as_role: AsRole) -> None:
    ann = as_role("ann", demo="viewer")
    assert [saved(ann).status_code, saved(ann).status_code, saved(ann, page="ops").status_code] == [201, 409, 201]
    other = saved(ann, name="Warm").json()
    assert ann.patch(f"{VIEWS}/{other['id']}", {"name": "Cold"}, JSON).status_code == 409
    assert ann.patch(f"{VIEWS}/{other['id']}", {"name": "Warm", "query": ""}, JSON).status_code == 200


def test_there_are_only_so_many(as_role: AsRole) -> None:
    ann = as_role("ann", demo="viewer")
    user = User.objects.get(username="ann")
    SavedView.objects.bulk_create(SavedView(user=user, name=str(n), page="fleet") for n in range(MAX_VIEWS))
    answer = saved(ann)
    assert answer.status_code == 409
    assert "delete one first" in answer.json()["detail"]
