"""The features of commands and desired topics: their steps, and what is due to be published.

Stored commands, and what gateways have published, come in; messages for gateways and steps for browsers go out.
"""
