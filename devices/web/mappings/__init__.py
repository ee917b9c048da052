"""Mappings over HTTP: rules by which foreign topics are read (docs/mappings.md), and previews of what they make.

``store`` keeps them and tells the gateways; ``api`` is the operations. For admins of all sites.
"""
