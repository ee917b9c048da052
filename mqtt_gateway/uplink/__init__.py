"""The way up: deliveries of the broker into batches for the shards, PUBACKs back once they are committed."""
