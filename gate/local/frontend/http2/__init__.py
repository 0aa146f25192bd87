"""HTTP/2 at either end of the front end: to clients, and to containers whose port is named h2c.

In between everything is HTTP/1.1, which the front end's other files know: a stream of a client is
a connection of one request, and a stream to an instance takes and gives HTTP/1.1. Loaded when it
is first needed.
"""
