"""What is older than the retention goes, step by step, between the rounds."""
