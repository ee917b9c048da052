"""The admin: it shows, makes tokens, asks workers; it never writes what is a worker's."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from asgiref.sync import ThreadSensitiveContext
from django.contrib.admin import site
from django.contrib.auth.models import Permission, User
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone

from devices.models import ApiToken, Board, Command, Device, Membership, Quarantined, Request, Site, UserPreferences
from devices.rules.requested import set_desired
from devices.web.auth import access_by_token
from tests.support.worlds.fake_worker import FakeWorker, fresh_layers, set_twin

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def layers() -> Iterator[None]:
    fresh_layers()
    yield
    fresh_layers()


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser("root")


@pytest.fixture
def client(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


@pytest.fixture
def lamp() -> Device:
    device = set_twin("demo/lamp", lambda twin: set_desired(twin, {"on": "<b>"}, None))
    now = timezone.now()
    Command.objects.create(device=device, name="x", args={"a": 1}, timeline=[], created_at=now, expires_at=now)
    Quarantined.objects.create(
        device=device, topic="t", payload=b"{\xff<b>", qos=1, retain=False, received_ms=1, reason="bad_json"
    )
    return device


OURS = [Site, Membership, ApiToken, Board, Device, Command, Quarantined]


def test_every_list_and_entry_opens(client: Client, lamp: Device, root: User) -> None:
    Membership.objects.create(user=root, site=lamp.site)
    ApiToken.objects.create(user=root, digest="x")
    Board.objects.create(name="Hall", digest="x", created_by="user:root")
    for model in OURS:
        name = model._meta.model_name
        assert client.get(reverse(f"admin:devices_{name}_changelist"), {"q": ""}).status_code == 200
        entry = model._default_manager.first()
        assert entry is not None
        page = client.get(reverse(f"admin:devices_{name}_change", args=[entry.pk]))
        assert page.status_code == 200
        assert b"<b>" not in page.content.replace(b"</b>", b"").replace(b"<b class", b"")
    assert client.get(reverse("admin:index")).status_code == 200


def test_what_is_a_workers_can_only_be_looked_at(client: Client, lamp: Device) -> None:
    for model in (Command, Quarantined):
        name, entry = model._meta.model_name, model._default_manager.get()
        assert client.get(reverse(f"admin:devices_{name}_add")).status_code == 403
        assert client.post(reverse(f"admin:devices_{name}_change", args=[entry.pk]), {}).status_code == 403
        assert client.post(reverse(f"admin:devices_{name}_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:devices_device_add")).status_code == 403
    registered = {model._meta.model_name for model in site._registry if model._meta.app_label == "devices"}
    assert registered == {model._meta.model_name for model in OURS}


async def _change(root: User, device: Device, limit: str) -> str:
    """Change its limit in the admin; the messages shown then."""
    browser = AsyncClient()
    await browser.aforce_login(root)
    url = reverse("admin:devices_device_change", args=[device.pk])
    async with ThreadSensitiveContext():
        answer = await browser.post(url, {"stale_after_s": limit, "key": "a/b", "rev": "99"}, follow=True)
    return "; ".join(str(message) for message in answer.context["messages"])


async def test_only_the_limit_of_a_device_can_be_changed(root: User, lamp: Device) -> None:
    async with FakeWorker().running():
        assert "was changed successfully" in await _change(root, lamp, "60")
    changed = await Device.objects.select_related("twin").aget()
    assert (changed.stale_after_s, changed.key, changed.twin.rev) == (60, "demo/lamp", 1)
    assert (await Request.objects.aget()).created_by == "user:root"


async def test_a_limit_that_the_worker_refuses_or_nobody_takes_is_not_changed(
    root: User, lamp: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeWorker().running():
        assert "was not changed: stale_after_s must be" in await _change(root, lamp, "0")
    monkeypatch.setattr("devices.admin.ask.__defaults__", (0.1,))
    assert "was not changed: no worker answered" in await _change(root, lamp, "60")
    assert await _change(root, lamp, "-1") == "", "the form says what is wrong"
    await lamp.arefresh_from_db()
    assert lamp.stale_after_s is None


def staff(role: str, *permissions: str) -> Client:
    """Somebody who may use the admin for what is named, with a role at all sites (or "" for none)."""
    user = User.objects.create_user("sam", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    if role:
        Membership.objects.create(user=user, site=None, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(("role", "status"), [("", 403), ("operator", 403), ("admin", 200)])
def test_what_changes_devices_takes_the_role_too(
    lamp: Device, role: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.admin.ask.__defaults__", (0.1,))
    client = staff(role, "delete_device", "change_device", "view_device")
    assert client.get(reverse("admin:devices_device_delete", args=[lamp.pk])).status_code == status
    posted = client.post(reverse("admin:devices_device_change", args=[lamp.pk]), {"stale_after_s": "60"})
    assert posted.status_code == {200: 302}.get(status, status)
    assert client.get(reverse("admin:devices_device_change", args=[lamp.pk])).status_code == 200, "to be looked at"


@pytest.mark.parametrize(("role", "offered"), [("", False), ("viewer", False), ("operator", True)])
def test_replaying_is_offered_to_those_who_may(lamp: Device, role: str, offered: bool) -> None:
    page = staff(role, "view_quarantined").get(reverse("admin:devices_quarantined_changelist"))
    assert (b'value="replay"' in page.content) == offered


def test_commands_say_who_asked(client: Client, lamp: Device) -> None:
    Command.objects.update(created_by="token:vera/0f1e2d3c")
    page = client.get(reverse("admin:devices_command_changelist"))
    assert b"token:vera/0f1e2d3c" in page.content


def test_a_token_is_shown_once(client: Client, root: User) -> None:
    answer = client.post(reverse("admin:devices_apitoken_add"), {"user": root.pk}, follow=True)
    message = next(str(message) for message in answer.context["messages"] if "shown only now" in str(message))
    access = access_by_token(message.split()[-1])
    assert access is not None
    assert access.username == "root"
    again = client.get(reverse("admin:devices_apitoken_change", args=[ApiToken.objects.get().pk]))
    assert ApiToken.objects.get().digest.encode() not in again.content


def test_a_sites_name_stays(client: Client, lamp: Device) -> None:
    url = reverse("admin:devices_site_change", args=[lamp.site_id])
    forms = ("memberships", "tag_defaults")
    nothing = {f"{form}-{which}_FORMS": "0" for form in forms for which in ("TOTAL", "INITIAL")}
    assert client.post(url, {"name": "other", **nothing}).status_code == 302
    assert Site.objects.get().name == "demo"


async def _delete(root: User, device: Device) -> str:
    """Confirm the deletion in the admin; the messages shown then."""
    browser = AsyncClient()
    await browser.aforce_login(root)
    url = reverse("admin:devices_device_delete", args=[device.pk])
    async with ThreadSensitiveContext():
        confirmation = await browser.get(url)
        assert b"with its readings" in confirmation.content
        answer = await browser.post(url, {"post": "yes"}, follow=True)
    return "; ".join(str(message) for message in answer.context["messages"])


async def test_a_device_is_deleted_by_its_worker(root: User, lamp: Device) -> None:
    async with FakeWorker().running():
        assert await _delete(root, lamp) == "demo/lamp was deleted."
    assert not await Device.objects.aexists()


async def test_a_device_without_a_worker_stays(root: User, lamp: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.requests.deletion.ask.__defaults__", (0.1,))
    assert (await _delete(root, lamp)).startswith("demo/lamp was not deleted: no worker answered")
    assert await Device.objects.aexists()


async def _replay(root: User) -> str:
    """Select all of quarantine and replay it; the messages shown then."""
    browser = AsyncClient()
    await browser.aforce_login(root)
    ids = [str(pk) async for pk in Quarantined.objects.values_list("pk", flat=True)]
    url = reverse("admin:devices_quarantined_changelist")
    async with ThreadSensitiveContext():
        answer = await browser.post(url, {"action": "replay", "_selected_action": ids}, follow=True)
    return "; ".join(str(message) for message in answer.context["messages"])


async def test_what_is_in_quarantine_is_replayed_by_selecting_it(root: User, lamp: Device) -> None:
    async def put(payload: bytes) -> None:
        fields = {"topic": "t", "qos": 1, "retain": False, "received_ms": 1, "reason": "bad_json"}
        await Quarantined.objects.acreate(device=lamp, payload=payload, **fields)

    await put(b'{"t": 1}')
    await put(b'{"t": 2}')
    async with FakeWorker().running():
        assert await _replay(root) == "2 applied; 1 quarantined bad_utf8"
    assert await Quarantined.objects.acount() == 1


async def test_without_a_worker_replaying_stops(root: User, lamp: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.admin.ask.__defaults__", (0.1,))
    assert (await _replay(root)).startswith("Stopped: no worker answered")
    assert await Quarantined.objects.acount() == 1


def test_it_is_in_the_users_time_zone_and_language(client: Client, root: User) -> None:
    moment = datetime(2026, 7, 1, 12, 34, tzinfo=UTC)
    Site.objects.create(name="demo", created_at=moment)
    assert "12:34" in client.get("/admin/devices/site/").content.decode()
    UserPreferences.objects.create(user=root, time_zone="Asia/Tokyo", language="de")
    shown = client.get("/admin/devices/site/").content.decode()
    assert "21:34" in shown
    assert "Asia/Tokyo" in shown
    assert "Abmelden" in shown
    assert timezone.get_current_timezone_name() == "UTC"  # of nobody else


def test_it_has_our_colours_and_a_way_back(client: Client) -> None:
    shown = client.get("/admin/").content.decode()
    assert "/causeway/app/admin-style-" in shown
    assert 'href="/" class="brand"' in shown
