"""Who asks for something: it stands beside each stored request and command."""

from typing import Final, Literal

from msgspec import Struct

MAX_ACTOR_CHARS: Final = 200

ActorKind = Literal[
    "user",  # a person, in a browser
    "token",  # a program, with the API token of a user
    "app",  # an app that was added to Causeway, by itself
    "device",  # by itself, over HTTP
    "system",  # a command of the installation's operator
]


class Actor(Struct, frozen=True):
    """Who asks. Its text, ``kind:name``, is what is stored and shown, and stays when the user is gone.

    Raises:
        ValueError: there is no name, or the text would be longer than MAX_ACTOR_CHARS.
    """

    kind: ActorKind
    name: str  # a user's; of a token, "user/its first 8 hex digits"; an app's label; a command's name
    user_id: int | None = None  # of user and token

    def __post_init__(self) -> None:
        """Check the name."""
        if not self.name or len(str(self)) > MAX_ACTOR_CHARS:
            raise ValueError(f"an actor's name has 1 to {MAX_ACTOR_CHARS} characters, with its kind; {self.name!r}")

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"
