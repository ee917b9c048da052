#!/usr/bin/env python3
"""Causeway's command line. ``manage.py help`` lists the commands."""

import os
import sys


def main() -> None:
    """Run one management command; bad settings end in one line on standard error and exit status 2."""
    from runtime.gc_tuning import collect_later

    collect_later()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] == ["demo"]:
        from config.demo.environment import prepare

        prepare()
    if sys.argv[1:2] == ["help"] or not {"-h", "--help"}.isdisjoint(sys.argv):
        os.environ.setdefault("DEBUG", "true")  # who asks for help may have no SECRET_KEY yet
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from config.added_apps.loading import setup

    try:
        setup()
    except ImproperlyConfigured as error:
        sys.stderr.write(f"causeway: {error}\n")
        raise SystemExit(2) from None
    from django.db import OperationalError

    from runtime.databases.reasons import in_words

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:  # it is not there, or not so; our own long-lived commands wait for it
        sys.stderr.write(f"causeway: the database: {in_words(error)}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
