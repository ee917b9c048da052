"""An app that somebody else wrote: tells a chat room which devices are gone, and back (docs/extending/handlers.md)."""
