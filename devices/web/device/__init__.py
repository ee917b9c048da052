"""What concerns one device over HTTP, besides its twin: what it is, and what it sends itself without MQTT."""
