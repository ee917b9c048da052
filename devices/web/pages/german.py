"""The sentences of the templates in German; those of the modules are in devices/web/frontend/src/words/de.js."""
# ruff: noqa: E501  a sentence is a line

from typing import Final

GERMAN: Final[dict[str, str]] = {
    "Fleet": "Flotte",
    "Device": "Gerät",
    "Operations": "Betrieb",
    "Mappings": "Zuordnungen",
    "Kit": "Baukasten",
    "Main": "Hauptmenü",
    "Skip to the content": "Zum Inhalt springen",
    "Account: {name}": "Konto: {name}",
    "{role} at {site}": "{role} für {site}",
    "{role} at all sites": "{role} für alle Standorte",
    "no role at any site": "keine Rolle an irgendeinem Standort",
    "API reference": "API-Referenz",
    "Administration": "Verwaltung",
    "Sign out": "Abmelden",
    "These pages show live data and need JavaScript.": "Diese Seiten zeigen laufende Werte und brauchen JavaScript.",
    "The API does not.": "Die API nicht.",
    "Sign in": "Anmelden",
    "Your devices, live.": "Ihre Geräte, jetzt.",
    "User name and password don't match. Both are case-sensitive.": (
        "Benutzername und Passwort passen nicht zusammen. Groß- und Kleinschreibung zählt bei beiden."
    ),
    "Too many people sign in at this moment. Try again in some seconds.": (
        "Gerade melden sich zu viele an. Bitte in einigen Sekunden nochmals versuchen."
    ),
    "Too many wrong passwords. Try again in {minutes} minutes.": (
        "Zu viele falsche Passwörter. Bitte in {minutes} Minuten nochmals versuchen."
    ),
    "User name": "Benutzername",
    "Password": "Passwort",
    "Back to the fleet": "Zurück zur Flotte",
    "To the fleet": "Zur Flotte",
    "Not found": "Nicht gefunden",
    "There is nothing here": "Hier ist nichts",
    "No such page or device, or none that you may see. A device appears with its first message, or once it is provisioned.": (
        "Keine solche Seite, kein solches Gerät, oder keines, das Sie sehen dürfen. Ein Gerät erscheint mit seiner ersten "
        "Nachricht, oder sobald es eingerichtet ist."
    ),
    "No access": "Kein Zutritt",
    "You may not do that": "Das dürfen Sie nicht",
    "Your role does not allow it. An administrator of the site can change that.": (
        "Ihre Rolle erlaubt es nicht. Wer den Standort verwaltet, kann das ändern."
    ),
    "Error": "Fehler",
    "Something broke on our side": "Bei uns ist etwas gescheitert",
    "The error was logged. Devices and stored data are not affected by a page that fails; try again in a moment.": (
        "Der Fehler steht im Protokoll. Geräte und Gespeichertes sind davon nicht betroffen; versuchen Sie es gleich nochmals."
    ),
    "Wrong origin": "Falsche Herkunft",
    "Form expired": "Formular abgelaufen",
    "This form came from another origin": "Dieses Formular kam von anderswo",
    "This form has expired": "Dieses Formular ist abgelaufen",
    "You signed in or out in another tab meanwhile, or cookies are switched off. Nothing was changed; open the page again.": (
        "Sie haben sich inzwischen in einem anderen Fenster an- oder abgemeldet, oder Cookies sind ausgeschaltet. Nichts wurde "
        "geändert; öffnen Sie die Seite nochmals."
    ),
    "Board": "Tafel",
    "This link lets nobody in.": "Dieser Link lässt niemanden ein.",
    "One moment…": "Einen Moment …",
    "It was used before, it is older than seven days, or the board was revoked. An administrator can make another one.": (
        "Er wurde schon benutzt, ist älter als sieben Tage, oder die Tafel wurde widerrufen. Wer verwaltet, kann einen neuen machen."
    ),
    "This is no whole link.": "Das ist kein ganzer Link.",
    "A board's link ends with its token, behind a #.": "Der Link einer Tafel endet mit ihrem Token, hinter einem #.",
}
