"""The worker's end of the reliable link: which batches are accepted, and which deliveries are known already."""
