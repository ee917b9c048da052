"""What is kept for who looks at the pages: their preferences, their saved views, boards on walls, tickets."""

from typing import Final

from django.conf import settings
from django.db import models

from devices.models.access import ApiToken, Site
from devices.rules.actors import MAX_ACTOR_CHARS
from runtime.database_clock import now

MAX_ZONE_CHARS: Final = 64
MAX_NAME_CHARS: Final = 80
MAX_QUERY_CHARS: Final = 2_000
MAX_PATH_CHARS: Final = 2_000


class Preferences(models.Model):
    """How the pages look. What is empty is as the browser has it."""

    theme = models.CharField(max_length=8, default="system")  # devices.web.people.checks.Theme
    language = models.CharField(max_length=8, blank=True, default="")
    time_zone = models.CharField(max_length=MAX_ZONE_CHARS, blank=True, default="")  # as in the IANA's database

    class Meta:
        abstract = True


class UserPreferences(Preferences):
    """A user's."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")

    def __str__(self) -> str:
        return f"preferences of {self.user}"


class SavedView(models.Model):
    """A page as a user wants to find it again: with filters, columns, order, range."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=MAX_NAME_CHARS)
    page = models.CharField(max_length=64)  # the name of a registered page
    query = models.CharField(max_length=MAX_QUERY_CHARS, blank=True)  # of the page's address, without "?"
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "page", "name"], name="one_view_per_name")]

    def __str__(self) -> str:
        return f"{self.name}, of {self.user}"


class Board(Preferences):
    """A screen on a wall: it has viewer's rights at a site, or at all (``site`` empty), until it is revoked.

    A link lets one browser in, once. From then on the digest is that of the secret in the browser's cookie.
    """

    name = models.CharField(max_length=MAX_NAME_CHARS)
    site = models.ForeignKey(Site, models.CASCADE, null=True, blank=True, related_name="+")
    path = models.CharField(max_length=MAX_PATH_CHARS, default="/")  # what it shows, with the query string
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 in hex
    link_expires_at = models.DateTimeField(null=True, blank=True)  # empty: the link was used
    seen_at = models.DateTimeField(null=True, blank=True)  # about when a page was last opened
    created_at = models.DateTimeField(default=now, editable=False)
    created_by = models.CharField(max_length=MAX_ACTOR_CHARS, editable=False)

    def __str__(self) -> str:
        return f"board {self.name}"


class Ticket(models.Model):
    """Lets whoever shows it open one WebSocket, with the rights of who asked for it and as long as those last.

    Exactly one of ``token``, ``board`` and ``session`` says by what that one had shown who it is.
    """

    digest = models.CharField(max_length=64, unique=True)  # SHA-256 in hex
    expires_at = models.DateTimeField(db_index=True)
    asker = models.CharField(max_length=MAX_ACTOR_CHARS, db_index=True)  # an Actor
    token = models.ForeignKey(ApiToken, models.CASCADE, null=True, related_name="+")
    board = models.ForeignKey(Board, models.CASCADE, null=True, related_name="+")
    session = models.CharField(max_length=40, blank=True)  # the session's key, as Django's own table has it

    def __str__(self) -> str:
        return f"ticket of {self.asker}"
