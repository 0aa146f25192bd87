"""Services of other kinds than the chat backend: forms and cookies, REST with a login, rooms.

None of them names its revision, as most services do not.
"""
