"""What a person may choose for the pages, and the names that they give to views of them."""

from typing import Final, Literal, get_args

from devices.models.people import MAX_NAME_CHARS, MAX_PATH_CHARS, MAX_QUERY_CHARS

Theme = Literal["system", "light", "dark"]
Language = Literal["en", "de"]
LANGUAGES: Final[tuple[str, ...]] = get_args(Language)

MAX_VIEWS: Final = 100  # of a user
MAX_BOARDS: Final = 1_000  # of an installation


def name_error(name: str) -> str:
    """Why this is no name of a view or a board; empty: it is one."""
    if not 1 <= len(name.strip()) <= MAX_NAME_CHARS or name != name.strip():
        return f"1 to {MAX_NAME_CHARS} characters, without blanks at its ends"
    return "" if name.isprintable() else "no control characters"


def query_error(query: str) -> str:
    """Why this is no query string as it stands behind the question mark; empty: it is one."""
    if len(query) > MAX_QUERY_CHARS:
        return f"at most {MAX_QUERY_CHARS} characters"
    if query[:1] == "?" or "#" in query or not (query.isascii() and query.isprintable()) or " " in query:
        return "what stands behind the question mark, percent-encoded"
    return ""


def path_error(path: str) -> str:
    """Why this is no path of ours, with its query string; empty: it is one."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or len(path) > MAX_PATH_CHARS:
        return f"begins with one slash and has at most {MAX_PATH_CHARS} characters"
    if "#" in path or "\\" in path or " " in path or not (path.isascii() and path.isprintable()):
        return "a path with its query string, percent-encoded"
    return ""
