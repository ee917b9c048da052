"""REST under /api/v1/ (docs/http-api.md), on django-ninja.

Reads are queries of the tables; changes of a device go through devices.requests.ask. Every answer that is no success
is an RFC 9457 problem. Answers are encoded by msgspec straight from values; the schemas are for the documentation, and
tests hold the two together.
"""
