"""A search for messages that become much more than they were: bytes kept and CPU time by bytes sent.

``shapes`` makes payloads of genes, ``search`` mutates those that came to most, ``targets`` says what became of one.
"""
