"""An app for tests of the stream rule: hands on each event that a DeviceConsumer gets."""
