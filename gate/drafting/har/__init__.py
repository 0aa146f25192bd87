"""From a HAR, the recording of a visit that browsers and proxies make, to journeys. Pure.

exchange ...... one request of a visit and its answer
reading ....... a HAR of any maker as exchanges, bounded
choosing ...... which of them a journey asks again
requests ...... a request taken apart into values, and put together as a step
answers ....... the places of an answer from which a step can capture
flows ......... which value of a request comes from which answer
outside ....... values that come from outside: secrets, by name, and texts that are new each time
plan .......... the steps of journeys, each with what it captures
expecting ..... what the answers to a step, seen and played, allow the next one to be held to
visit ......... all of that together: the way in
"""
