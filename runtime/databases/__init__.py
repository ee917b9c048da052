"""Django's backends for PostgreSQL and SQLite, with what our processes need of a connection.

Impure, and without knowledge of our tables. Data passes: Django asks for a connection, and gets one that can write, is
given up in time, and says why in the server's words when there is none.
"""
