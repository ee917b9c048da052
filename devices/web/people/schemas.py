"""The JSON of preferences, views, boards, tickets and reports: what requests must be, what answers are."""

from ninja import Schema
from pydantic import Field

from devices.models.people import MAX_NAME_CHARS, MAX_QUERY_CHARS
from devices.web.api.schemas import Input
from devices.web.people.checks import Language, Theme

_THEME = "system: as the browser has it"
_LANGUAGE = "null: as the browser has it"
_ZONE = "a name of the IANA's time zone database, like Europe/Berlin; null: the browser's"
_NAME = f"1 to {MAX_NAME_CHARS} characters"
_QUERY = f"the query string of the page's address, without `?`; at most {MAX_QUERY_CHARS} characters"
_PATH = "what it shows: a path of these pages, with its query string"


class Preferences(Schema):
    """How the pages look."""

    theme: Theme = Field(description=_THEME)
    language: Language | None = Field(description=_LANGUAGE)
    time_zone: str | None = Field(description=_ZONE, examples=["Europe/Berlin"])


class PreferencesPatch(Input):
    """What to change; what is left out stays."""

    theme: Theme | None = Field(None, description=f"{_THEME}, as does null")
    language: Language | None = Field(None, description=_LANGUAGE)
    time_zone: str | None = Field(None, description=_ZONE, examples=["Europe/Berlin"])


class ViewIn(Input):
    """A page as it is to be found again."""

    name: str = Field(description=_NAME, examples=["Cold rooms"])
    page: str = Field(description="the page's name: fleet, device, ops, or an app's", examples=["fleet"])
    query: str = Field("", description=_QUERY, examples=["tag=cold&sort=temperature"])


class ViewPatch(Input):
    """What to change of a view; what is left out stays."""

    name: str | None = Field(None, description=_NAME)
    query: str | None = Field(None, description=_QUERY)


class View(Schema):
    """A saved view."""

    id: int
    name: str
    page: str
    query: str
    created_at: str


class Views(Schema):
    """All of a user's, by page and name."""

    items: list[View]
    next: None


class BoardIn(Input):
    """A screen that is to show a site."""

    name: str = Field(description=_NAME, examples=["Hall 2, north wall"])
    site: str | None = Field(description="whose devices it may see; null: those of all sites")
    path: str = Field("/", description=_PATH, examples=["/?tag=cold"])
    theme: Theme = Field("system", description=_THEME)
    language: Language | None = Field(None, description=_LANGUAGE)
    time_zone: str | None = Field(None, description=_ZONE, examples=["Europe/Berlin"])


class Board(Preferences):
    """A screen with viewer's rights at a site, until it is deleted."""

    id: int
    name: str
    site: str | None
    path: str
    created_at: str
    created_by: str
    link_expires_at: str | None = Field(description="null: the link was used")
    seen_at: str | None = Field(description="about when it last opened a page, or said that it is there")


class BoardLink(Board):
    """The same, with what lets one browser in, once; shown only now."""

    link: str


class Boards(Schema):
    """All that the user may manage."""

    items: list[Board]
    next: None


class TicketOut(Schema):
    """Opens one WebSocket; shown only now."""

    ticket: str
    subprotocol: str = Field(description="what to offer as the WebSocket's subprotocol", examples=["causeway.ticket.…"])
    expires_at: str


class ClientError(Input):
    """What went wrong in a page. Long texts are cut."""

    message: str
    stack: str = ""
    page: str = Field("", description="the page's name, or its path")
    panel: str = Field("", description="the part of the page that failed")
    version: str = Field("", description="which version of the pages it is")


class Version(Schema):
    """Which version of the pages the server has."""

    version: str
