"""The HTTP and WebSocket server's parts that no application knows of: frames, middleware, static files, headers.

Never imports views or models. Requests pass on their way in, responses and frames on their way out.
"""
