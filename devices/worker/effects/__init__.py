"""What a feature is, what operations do to a device, and how their effects are stored and broadcast.

Operations come in, rows and broadcast items go out, all in one transaction. Knows no feature by name.
"""
