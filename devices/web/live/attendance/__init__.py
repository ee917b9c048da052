"""People's presence: who attends which place, in all web processes together.

    rules       pure: places, people, what processes tell each other, who is still there
    exchange    once a process: tells the others by the channel layer, hears them, shows people to who attends

Told and heard on the hub's channel (group ``dashboard.people``); nothing is stored. Never imports ``hub`` or
``socket``: it knows who attends by a protocol (exchange.Attendant). docs/websocket.md, ``attend``.
"""
