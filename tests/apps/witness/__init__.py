"""An app for fault tests: one handler writes, one sends commands, one calls a server that fails now and then."""
