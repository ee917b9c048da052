"""What devices are, over HTTP: read, corrected by people, and the JSON Schema of it."""
