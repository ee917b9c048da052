"""SQLite: requests wait for another writer only as long as somebody waits for their answer.

Never imported but by Django, by its name in the settings.
"""
