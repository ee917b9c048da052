"""``manage.py run_handlers``: a process that keeps one child for each handler, and one for tasks.

::

    supervisor ─┬─ child: a handler ─┬─ leases   a thread: which shards are ours, whether it is to pause
                │                    └─ turns    a ShardRunner for each of them, in turns
                ├─ child: …
                └─ child: tasks      what handlers want done later

A child that takes too long is killed by the supervisor, which takes that down. The supervisor calls no handler.
"""
