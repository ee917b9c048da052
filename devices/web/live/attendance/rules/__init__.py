"""Rules of people's presence. Pure.

They pass in this direction: own → messages → neighbours → people.

    places        what may be attended
    people        who is shown to whom, and the frame's text
    own           who attends by this process's sockets, and what of that the others are to be told
    neighbours    what other processes told, and which of them are gone
    messages      what processes tell each other
"""
