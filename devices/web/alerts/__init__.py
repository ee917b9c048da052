"""Alerts over HTTP: rules that are made, changed, tried on history; alerts that are listed, acknowledged, talked about.

Rules are written here (``store``); what is done to an alert is a request to its device's worker. Never: judging.
"""
