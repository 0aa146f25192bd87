"""The websocket probe: sessions held open together, each frame and each close classified.

probe       rounds of sessions, and what their sum says
session     one connection's life: open, talk, stay, close
waiting     pure: whether a message is the awaited one
connection  the library's protocol, without its I/O, under our own asyncio Protocol
opening     how a connection is asked for: subprotocols, headers, address
classify    pure: how a connection was refused or ended, as faults
record      the first and last frames of a connection
"""
