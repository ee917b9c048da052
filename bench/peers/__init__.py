"""What Causeway is measured against: the plain Channels way, mqttasgi, and the ceilings that no bridge can pass.

``plain/`` is a Django project by itself, which knows nothing of Causeway nor of the benchmark (so nothing is imported
here). The modules beside it start it, and the others, as installations; ``candidates`` lists them.
"""
