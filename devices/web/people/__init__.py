"""What is kept for who looks at the pages (preferences, saved views, boards' links), and what their pages report.

Requests of theirs come in, rows and lines of the log go out. Never: devices and what they send.
"""
