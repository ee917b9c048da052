"""The feature of devices that say nothing themselves: timers, and what the gateways' links tell of them."""
