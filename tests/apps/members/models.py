"""The installation's own model of users."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class MemberManager(BaseUserManager["Member"]):
    """Makes members."""

    def create_user(self, email: str, password: str | None = None, **more: Any) -> "Member":
        """One without rights."""
        member = self.model(email=email, **more)
        member.set_password(password)
        member.save()
        return member

    def create_superuser(self, email: str, password: str | None = None) -> "Member":
        """One who may do everything."""
        return self.create_user(email, password, is_staff=True, is_superuser=True)


class Member(AbstractBaseUser, PermissionsMixin):
    """Somebody who has an address and no other name."""

    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)

    USERNAME_FIELD = "email"
    objects: ClassVar[MemberManager] = MemberManager()

    class Meta:
        app_label = "members"

    def __str__(self) -> str:
        return self.email
