"""Says what would hold a rollout before it is tried, and what mends each of it. Pure.

finding ....... one thing found, how bad it is, and what mends it
permissions ... what the gate must be allowed to do, and why
facts ......... what was asked and learnt, or why it is not known
commands ...... the commands that mend
caller ........ who calls, what they may do, and by which clock
reach ......... whether the service and its tags can be asked from here, and who answers
traffic ....... how the service stands
policy ........ what the policy needs
examine ....... all of it
"""
