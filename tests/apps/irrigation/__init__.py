"""An app that somebody else wrote: opens the valve of plants that are too dry (docs/extending/handlers.md)."""
