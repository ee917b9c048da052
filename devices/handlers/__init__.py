"""Code of other people's on what happens to devices (docs/extending/).

items      what a handler is handed: readings, events, changes, each one frozen, with a key that stays the same
log        the same, read in order from any position on; records: where from
followers  who reads readings: what they have not read is kept
Never writes twins, and knows neither the workers nor the web; imports requests, models, rules, bridge, runtime.
"""
