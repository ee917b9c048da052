"""How long a lease lasts: a worker's on a shard, a gateway process's on its client id.

A lease is a row with an owner and the time of the last beat by the database's clock. The owner beats about every
second; who has not for three is gone, and others may take what it had.
"""

from typing import Final

LEASE_MS: Final = 3_000
LEASE_S: Final = LEASE_MS / 1000
