"""An app whose handler hangs where it is told to."""
