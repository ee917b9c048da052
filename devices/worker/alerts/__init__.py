"""The feature of alerts: rules judged at the shards' devices, in the transaction of what happens there.

Readings, events, presence and time go to devices.rules.alerts; alerts, how far rules are, frames and changes come out.
Never: notifications, which follow the record of changes.
"""
