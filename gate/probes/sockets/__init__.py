"""WebSocket connections, below every probe that holds one.

handshake   opens a connection: whose answer it is, and whether to ask again
connection  the library's protocol, without its I/O, under our own asyncio Protocol
opening     how a connection is asked for: subprotocols, headers, address
classify    pure: how a connection was refused or ended, as faults
record      the first and last frames of a connection
message     one whole message
waiting     pure: whether a message is the awaited one
shaped      what shapes messages had
crowd       what many connections take of this process
results     what all sessions of a probe say together
"""
