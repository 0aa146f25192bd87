"""A small chat backend: the service that the demo and the end-to-end tests roll out.

    releases   how the six images differ, as data
    tokens     who a request is from
    app        the HTTP pages, the WebSocket, and what every answer carries
    pages      the HTTP pages
    chat       the WebSocket: authentication, welcome, messages
    agent      what happens to a message: five events and an answer
    frames     the JSON that goes over the WebSocket
    sessions   the open chats of each user
    startup    what a container checks before it listens
    log        JSON lines as Cloud Run reads them

`python -m examples.backend` serves it on PORT, with the release that BACKEND_RELEASE names and the
key for tokens from JWT_SECRET_KEY.
"""
