"""The websocket probe: sessions held open together, each frame and each close classified.

probe       rounds of sessions, and what their sum says
session     one connection's life: open, talk, stay, close
"""
