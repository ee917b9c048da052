"""Code of other people's on what happens to devices (docs/extending/).

items      what a handler is handed: readings, events, changes, each one frozen, with a key that stays the same
log        the same, read in order from any position on; records: where from
followers  who reads readings: what they have not read is kept
registry   the handlers of the installed apps, as causeway.on was given them; filters: which items each gets
calls      one call of a handler, with what it may ask for, in one transaction; trials: the same in tests
shards     a handler in one shard: where it begins, how far it is, what waits where it fails
process    manage.py run_handlers
Never writes twins, and knows neither the workers nor the web; imports requests, models, rules, bridge, runtime.
"""
