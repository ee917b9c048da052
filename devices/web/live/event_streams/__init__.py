"""Once a Server-Sent Events stream (``GET /api/v1/stream``): a connection with one subscription, written as events.

All that makes a stream is the socket's: subscriptions, catch-up, credit. Here stand who may open one, how frames become
events, and the ids by which a client goes on. Never a second way from the hub to a client.

    consumer       who may, what is asked for, refusals as problem JSON; then
    event_stream   composes what serves it, as socket.connection does
    event_writer   frames as events, with ids (stream.positions), kept in the database where need be (queries.positions)
"""
