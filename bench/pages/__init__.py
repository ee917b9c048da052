"""The pages in Chromium, for somebody who is signed in: how soon they show, how smoothly.

What is measured inside the page is JavaScript (``probe.js``), put into it before its own scripts run. It
drives a browser on an installation; what is driven, and what must hold, is in ``bench.scenarios.pages``.
"""
