"""Homie, versions 4 and 5 (homieiot.github.io): a device describes itself, then publishes each property on a topic.

``{base}/5/{device}/{node}/{property}`` with one JSON ``$description`` (5); ``{base}/{device}/…`` with a retained topic
for each attribute (4, and what it understands of 3). The source is the base: a root speaks for its children. Pure.
"""
