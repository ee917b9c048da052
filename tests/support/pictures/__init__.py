"""Pictures of pages: taken so that only the look of a page is in them, and compared with those that are kept."""
