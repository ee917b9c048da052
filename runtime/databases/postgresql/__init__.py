"""PostgreSQL, also through PgBouncer in session mode: connections that can write, out of a pool for requests.

Never imported but by Django, by its name in the settings.
"""
