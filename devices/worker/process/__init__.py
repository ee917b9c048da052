"""The worker's process: consumer, engine, sender, and the supervisor that starts them again.

Layer messages come in by the consumer; results go out by the sender. Holds no device's state.
"""
