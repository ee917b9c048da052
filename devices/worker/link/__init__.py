"""The feature of what devices send: the worker's end of the reliable link, and what deliveries do to devices.

Batches come in, acknowledgements go out; in between which of them are accepted, which deliveries are known already,
what one says by its dialect, and what that changes.
"""
