"""The feature of stored requests, replays of quarantined messages included: found, carried out, settled, answered."""
