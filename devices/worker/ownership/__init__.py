"""Who owns which shard: leases, the fence in every writing transaction, and changing the number of shards."""
