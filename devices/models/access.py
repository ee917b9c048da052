"""Sites and who may do what there."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from devices.rules.described.silence import MAX_STALE_AFTER_S
from runtime.database_clock import now

NAME_VALIDATOR = RegexValidator(r"\A[A-Za-z0-9_\-.:]{1,64}\Z", "1 to 64 of A-Z a-z 0-9 _ - . :")


STALE_AFTER_VALIDATORS = (MinValueValidator(1), MaxValueValidator(MAX_STALE_AFTER_S))


class Role(models.TextChoices):
    """What each may do: devices.rules.capabilities."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Site(models.Model):
    """A place with devices; the first part of their keys."""

    name = models.CharField(max_length=64, unique=True, validators=[NAME_VALIDATOR])
    created_at = models.DateTimeField(default=now, editable=False)
    stale_after_s = models.PositiveIntegerField(null=True, blank=True, validators=STALE_AFTER_VALIDATORS)  # of devices

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what is no name in topics and URLs."""
        if self.name in (".", ".."):
            raise ValidationError({"name": ". and .. are no names"})


class Membership(models.Model):
    """A user's role at a site, or at all sites (``site`` empty). Superusers need none."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    site = models.ForeignKey(Site, models.CASCADE, null=True, blank=True, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.VIEWER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "site"], name="one_role_per_site"),
            models.UniqueConstraint(fields=["user"], condition=models.Q(site=None), name="one_role_for_all_sites"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.role} at {self.site or 'all sites'}"


class ApiToken(models.Model):
    """A program's key. Only its SHA-256 is kept; it may do what its user may."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True)  # hex
    created_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"token {self.digest[:8]} of {self.user}"
