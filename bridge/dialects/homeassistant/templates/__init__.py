"""Templates of discovery messages: a part of Jinja that can do no harm, whoever wrote it.

    text ──tokens──> tokens ──expressions, statements──> a function of variables ──> text

No loops, no macros, no powers, nothing of Home Assistant's own (states, now): what a template can do is bounded by its
length. Whatever is not understood is refused as a whole (docs/decisions/0037-templates-of-our-own.md).

Never imports anything but bridge.
"""
