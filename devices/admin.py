"""Django's admin for superusers: who may do what, and a look at devices, commands and quarantine.

Nothing here writes what only a device's shard worker may write: devices are deleted by asking it, the rest is shown.
"""
# ruff: noqa: ARG002  the methods are Django's hooks, with its signatures

from collections import Counter
from typing import Any, cast

import msgspec
from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from devices import access_admin  # noqa: F401  registers sites, memberships and tokens
from devices.models import Command, Device, Quarantined
from devices.models.registry import DELETED_PREFIX
from devices.requests.ask import ask
from devices.requests.deletion import delete_device
from devices.requests.refusals import RefusalError, UnavailableError
from devices.rules.capabilities import Capability
from devices.rules.stream import snapshot
from devices.rules.twin import load_value
from devices.web.auth import ALL_SITES, Access, access_of

admin.site.site_header = admin.site.site_title = "Causeway"
admin.site.index_title = "Administration"


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only, as below
    """Shows, and changes nothing."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False


@admin.register(Device)
class DeviceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Devices with their twins. They come by publishing, or by ``manage.py provision_device``."""

    list_display = ["key", "presence", "rev", "tags", "stale_after_s", "created_at"]
    list_filter = ["twin__status", "site"]
    list_select_related = ["twin"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["key"]
    actions = None
    fields = ["key", "stale_after_s", "created_at", "presence", "rev", "tags", "twin_as_json"]
    readonly_fields = ["key", "created_at", "presence", "rev", "tags", "twin_as_json"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Device | None = None) -> bool:
        """As Django says, and only where the user's role lets them."""
        return super().has_change_permission(request, obj) and _may(request, "devices.manage", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Device | None = None) -> bool:
        """As Django says, and only where the user's role lets them."""
        return super().has_delete_permission(request, obj) and _may(request, "devices.delete", obj)

    @admin.display(description="presence", ordering="twin__status")
    def presence(self, device: Device) -> str:
        """Its status."""
        return device.twin.status

    @admin.display(description="rev", ordering="twin__rev")
    def rev(self, device: Device) -> int:
        """Its rev."""
        return device.twin.rev

    @admin.display(description="tags")
    def tags(self, device: Device) -> str:
        """Its tags."""
        return ", ".join(device.twin.tags)

    @admin.display(description="twin")
    def twin_as_json(self, device: Device) -> SafeString:
        """The twin as clients see it."""
        return _pretty(snapshot(device.key, load_value(device.twin.doc)))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask the device's worker to change it, as for :meth:`delete_view`."""
        device = self.get_object(request, unquote(object_id))
        if request.method == "POST" and device is not None and self.has_change_permission(request, device):
            form = self.get_form(request, device, change=True)(request.POST, instance=device)
            if form.is_valid():
                return self._changed(request, device, form)
        answer: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        return answer

    def _changed(self, request: HttpRequest, device: Device, form: Any) -> HttpResponse:
        try:
            if form.has_changed():
                async_to_sync(ask)(device.key, "settings", form.cleaned_data, actor=_access(request).actor)
                self.log_change(request, device, self.construct_change_message(request, form, []))
        except RefusalError as refusal:
            self.message_user(request, f"{device} was not changed: {refusal}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        answer: HttpResponse = self.response_change(request, device)
        return answer

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Only the devices themselves: their readings may be millions."""
        lines = [f"{device.key}, with its readings, events, commands and quarantine" for device in objs]
        return lines, {"devices": len(lines)}, set(), []

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask the device's worker to delete it, outside of any transaction: the worker must see the request."""
        device = self.get_object(request, unquote(object_id))
        if request.method != "POST" or device is None:
            answer: HttpResponse = super().delete_view(request, object_id, extra_context)
            return answer
        if not self.has_delete_permission(request, device):
            raise PermissionDenied
        try:
            async_to_sync(delete_device)(device.key, _access(request).actor)
        except RefusalError as refusal:
            self.message_user(request, f"{device} was not deleted: {refusal}", messages.ERROR)
        else:
            self.log_deletions(request, cast("QuerySet[Device]", [device]))  # it only iterates
            self.message_user(request, f"{device} was deleted.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:devices_device_changelist"))


@admin.register(Command)
class CommandAdmin(ReadOnly):
    """Commands and their timelines."""

    list_display = ["name", "device", "status", "created_by", "created_at", "expires_at"]
    list_filter = ["status"]
    list_select_related = ["device"]
    show_full_result_count = False
    search_fields = ["device__key", "name"]
    fields = ["id", "device", "name", "args_json", "status", "steps", "created_by", "created_at", "expires_at"]
    ordering = ["-created_at"]

    @admin.display(description="args")
    def args_json(self, command: Command) -> SafeString:
        """Its arguments."""
        return _pretty(command.args)

    @admin.display(description="timeline")
    def steps(self, command: Command) -> SafeString:
        """Its steps."""
        return _pretty(command.timeline)


@admin.register(Quarantined)
class QuarantinedAdmin(ReadOnly):
    """Messages whose content was wrong. Some of them may be right by now: they can be carried out once more."""

    list_display = ["received_ms", "topic", "reason", "detail"]
    list_filter = ["reason"]
    show_full_result_count = False
    search_fields = ["topic", "device__key", "source"]
    fields = [
        "device",
        "source",
        "topic",
        "reason",
        "detail",
        "qos",
        "retain",
        "truncated",
        "received_ms",
        "payload_text",
    ]
    ordering = ["-id"]
    actions = ["replay"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Quarantined]:
        """Payloads only when looked at; not what is left of deleted devices."""
        deleted = {"device__isnull": False, "device__key__startswith": DELETED_PREFIX}
        there = super().get_queryset(request).exclude(**deleted)
        return there.defer("payload")

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """For those who may do it at all sites."""
        return _access(request).may("quarantine.replay", ALL_SITES)

    @admin.action(description="Replay: carry out once more", permissions=["replay"])
    def replay(self, request: HttpRequest, entries: QuerySet[Quarantined]) -> None:
        """Ask the devices' workers, one entry after the other, the oldest first. Stops when none answers."""
        became: Counter[str] = Counter()
        actor = _access(request).actor
        for pk, key, source in entries.order_by("pk").values_list("pk", "device__key", "source"):
            try:
                result = async_to_sync(ask)(key or source, "replay", {"quarantined_id": pk}, actor=actor)
            except UnavailableError as refusal:
                self.message_user(request, f"Stopped: {refusal}", messages.ERROR)
                break
            except RefusalError as refusal:
                became[f"not replayed: {refusal}"] += 1
            else:
                became[" ".join(filter(None, (result["outcome"], result["reason"])))] += 1
        for what, count in sorted(became.items()):
            self.message_user(request, f"{count} {what}", messages.SUCCESS)

    @admin.display(description="payload")
    def payload_text(self, entry: Quarantined) -> SafeString:
        """The payload's beginning; what is no UTF-8 as escapes."""
        return format_html("<pre>{}</pre>", bytes(entry.payload)[:4096].decode(errors="backslashreplace"))


def _access(request: HttpRequest) -> Access:
    access = access_of(request.user)
    if access is None:
        raise PermissionDenied
    return access


def _may(request: HttpRequest, capability: Capability, device: Device | None) -> bool:
    """Whether the user may do this to the device; without one, to any device at all."""
    access = _access(request)
    return access.may_somewhere(capability) if device is None else access.may(capability, device.key.partition("/")[0])


def _pretty(value: Any) -> SafeString:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return format_html('<pre style="white-space: pre-wrap; margin: 0">{}</pre>', text)
