"""The feature of what devices are: what they, their dialects and people say of it, kept and shown."""
