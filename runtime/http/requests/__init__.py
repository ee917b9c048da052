"""A request's way in: what of it is let in and where it aims (Daphne's side), its handler and its thread (Django's)."""
