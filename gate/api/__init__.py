"""What commands do, by code: coroutines that print nothing and return what came of it.

around ......... the environment of a call, and who hears what it waits for
wiring ......... picks the adapters, owns the system clock
secret_values .. the values of a policy's secrets
signing ........ keys of a policy: who signs, and who has signed
earlier ........ whether an image has passed the stage before
caller ......... who the gate is to a service
moves .......... what a move by hand must know of the service and its history
driving ........ carries one plan through the controller
notices ........ tells a policy's webhooks
looking ........ how a service stands
plans .......... what was asked for, as a plan
outcome ........ what came of it, typed
standing ....... how a service stands, typed
progress ....... what goes on meanwhile
call ........... what every call takes
carrying ....... carries a plan out for a caller
calls .......... what `from gate import ...` gives
"""
