"""A handler in one shard: where it begins, how far it is, what waits at devices at which it fails."""
