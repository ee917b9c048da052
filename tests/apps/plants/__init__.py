"""An app for a greenhouse, as somebody else might write it: imports nothing of Causeway but ``causeway``."""
