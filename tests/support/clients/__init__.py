"""Clients for tests: a device, a program, a checker of the stream, a browser, users to log in as."""
