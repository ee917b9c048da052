"""What several dialects need: keys from foreign names, numbers in texts, and payload forms (CBOR, SenML, Cayenne LPP).

Pure, and of no dialect: never imports one.
"""
