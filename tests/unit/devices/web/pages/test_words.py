"""The sentences of the templates: in German for who prefers it, or whose browser asks for it."""

import re
from pathlib import Path
from string import Formatter

import pytest
from django.contrib.auth.models import User
from django.template import Context, Template
from django.test import Client

from devices.models import UserPreferences
from devices.web.pages import builtin
from devices.web.pages.german import GERMAN
from devices.web.people import logins

TEMPLATES = Path(logins.__file__).parents[1] / "templates"
SAID = re.compile(r"""\{% say "([^"]+)\"""")


def fields(text: str) -> set[str | None]:
    return {field for _, field, _, _ in Formatter().parse(text)} - {None}


def test_every_sentence_has_its_german_and_none_is_left_over() -> None:
    said = {text for path in TEMPLATES.rglob("*.html") for text in SAID.findall(path.read_text())}
    assert len(said) > 20
    elsewhere = {
        *re.findall(r'title="([^"]+)"', Path(builtin.__file__).read_text()),
        *re.findall(r'"(Too many [^"]+)"', Path(logins.__file__).read_text()),
    }
    assert said | elsewhere == set(GERMAN)


@pytest.mark.parametrize("text", GERMAN)
def test_both_take_the_same_values(text: str) -> None:
    assert fields(GERMAN[text]) == fields(text)


@pytest.mark.django_db
def test_the_browser_says_which_language() -> None:
    english, german = (
        Client().get("/login", headers={"Accept-Language": one}) for one in ("fr, en", "de-AT, en;q=0.5")
    )
    assert "Sign in" in english.content.decode()
    assert '<html lang="en"' in english.content.decode()
    assert "Anmelden" in german.content.decode()
    assert '<html lang="de"' in german.content.decode()


@pytest.mark.django_db
def test_what_the_user_prefers_comes_first() -> None:
    user, client = User.objects.create_user("vera"), Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    UserPreferences.objects.create(user=user, language="de", theme="dark")
    shown = client.get("/").content.decode()
    assert "Abmelden" in shown
    assert '<html lang="de" data-theme="dark">' in shown
    assert "Nicht gefunden" not in client.get("/nothing").content.decode()  # there it is the browser's


def test_values_are_escaped_and_a_title_of_an_app_stays_as_it_is() -> None:
    template = Template('{% load pages %}{% say "Account: {name}" name=name %} {% say title %}')
    assert template.render(Context({"name": "<b>", "title": "Plants"})) == "Account: &lt;b&gt; Plants"
