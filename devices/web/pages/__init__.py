"""The pages: what is registered in devices.extensions becomes URLs, navigation and import maps.

A request comes in, the page's frame goes out; live data comes by WebSocket. Only ``builtin`` knows pages by name.
"""
