"""Sessions with the candidate, whatever carries them: WebSockets and streams.

results   what all sessions of a probe say together
awaiting  pure: whether a message is the awaited one
crowd     what it takes of this process to hold thousands of them
"""
