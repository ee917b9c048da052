"""How people sign in: who guesses is slowed down by address and by name (django-axes), and hashing holds up nobody."""

from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from runtime.http.hashing import TooManyHashesError

BUSY_S: Final = 10


class PatientBackend(ModelBackend):
    """Django's own users; a password that waits to be checked holds no connection of the database."""

    def authenticate(
        self,
        request: HttpRequest | None,  # noqa: ARG002  Django's
        username: str | None = None,
        password: str | None = None,
        **_: Any,
    ) -> Any:
        """The user with this name and password; None: there is none, which takes as long to find out."""
        users: Any = get_user_model()
        if username is None or password is None:
            return None
        user: Any = users.objects.filter(**{users.USERNAME_FIELD: username}).first()
        if not connection.in_atomic_block:
            connection.close()
        if user is None:
            users().set_password(password)
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None


class Login(LoginView):
    """Sign in, then go where one wanted to go. 429 for who has guessed too often; 503 while too many wait."""

    template_name = "causeway/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form."""
        try:
            answer = super().post(request, *args, **kwargs)
        except TooManyHashesError:
            return self._later(503, BUSY_S, "Too many people sign in at this moment. Try again in some seconds.")
        if getattr(request, "axes_locked_out", False):
            wait_s = int(settings.AXES_COOLOFF_TIME.total_seconds())
            return self._later(429, wait_s, "Too many wrong passwords. Try again in {minutes} minutes.")
        return answer

    def _later(self, status: int, after_s: int, why: str) -> HttpResponse:
        empty = self.get_form_class()(self.request)  # one with data would ask for the user again
        answer = self.render_to_response(
            self.get_context_data(form=empty, why=why, minutes=after_s // 60), status=status
        )
        answer["Retry-After"] = str(after_s)
        return answer


def admin_login(request: HttpRequest) -> HttpResponseBase:
    """The admin site's own login: there is one way in. Who is in and still may not is told so.

    Raises:
        PermissionDenied: the user may not administer anything.
    """
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", ""))
