"""The feature of imports: records of files, handed over in pieces, become readings and events of their devices.

Data passes from pieces (devices.requests.imports) through the reducer of what devices send into the round's effects.
Never reads a file.
"""
