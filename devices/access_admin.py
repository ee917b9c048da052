"""Django's admin for superusers: sites with their defaults, who may do what there, API tokens."""
# ruff: noqa: ARG002  the methods are Django's hooks, with its signatures

from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from devices.models import ApiToken, Board, Membership, Site, TagDefault
from devices.web.auth import new_token, token_digest

_SEARCHED_NAME: Final = f"user__{get_user_model().USERNAME_FIELD}"


class _WithUser(admin.options.BaseModelAdmin):  # type: ignore[type-arg]
    """Finds the user by typing, where the installation's own model of users can be searched."""

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """The usual ones, and the user."""
        users, site = get_user_model(), self.admin_site
        finds = site.is_registered(users) and bool(site.get_model_admin(users).search_fields)
        return [*super().get_autocomplete_fields(request), *(["user"] if finds else [])]


class MembershipInline(_WithUser, admin.TabularInline):  # type: ignore[type-arg]
    """The roles at a site."""

    model = Membership
    extra = 0


class TagDefaultInline(admin.TabularInline):  # type: ignore[type-arg]
    """What holds for devices with a tag at a site."""

    model = TagDefault
    extra = 0


@admin.register(Site)
class SiteAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Sites, with the roles of people there, and how long devices may be silent. A name is in device keys and stays."""

    list_display = ["name", "device_count", "stale_after_s", "created_at"]
    search_fields = ["name"]
    inlines = [MembershipInline, TagDefaultInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        """With the number of devices."""
        sites: QuerySet[Site] = super().get_queryset(request).annotate(device_total=Count("devices"))
        return sites

    @admin.display(description="devices", ordering="device_total")
    def device_count(self, site: Any) -> int:
        """How many devices there are."""
        return int(site.device_total)

    def get_readonly_fields(self, request: HttpRequest, obj: Site | None = None) -> list[str]:
        """The name can be given, not changed."""
        return ["created_at"] if obj is None else ["name", "created_at"]


@admin.register(Membership)
class MembershipAdmin(_WithUser, admin.ModelAdmin):  # type: ignore[type-arg]
    """Who may do what where. An empty site means all sites."""

    list_display = ["user", "site_or_all", "role"]
    list_filter = ["role", "site"]
    list_select_related = ["user", "site"]
    search_fields = [_SEARCHED_NAME, "site__name"]
    autocomplete_fields = ["site"]

    @admin.display(description="site", ordering="site__name")
    def site_or_all(self, membership: Membership) -> str:
        """The site's name."""
        return str(membership.site or "all sites")


@admin.register(ApiToken)
class ApiTokenAdmin(_WithUser, admin.ModelAdmin):  # type: ignore[type-arg]
    """API tokens. A new one is shown once; deleting one ends it."""

    list_display = ["user", "created_at", "expires_at"]
    list_select_related = ["user"]
    search_fields = [_SEARCHED_NAME]
    fields = ["user", "expires_at"]

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Never: make a new one instead."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Make the token and show it."""
        token = new_token()
        obj.digest = token_digest(token)
        super().save_model(request, obj, form, change)
        self.message_user(request, f"The token, shown only now: {token}", messages.WARNING)


@admin.register(Board)
class BoardAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Boards, which the API makes; deleting one revokes it."""

    list_display = ["name", "site", "path", "seen_at", "created_by"]
    list_select_related = ["site"]
    search_fields = ["name"]
    exclude = ["digest"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: its link would be seen by nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Board | None = None) -> bool:
        """Never."""
        return False
