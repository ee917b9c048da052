"""Commands and desired documents on their way down: their steps, and what is due to be published."""
