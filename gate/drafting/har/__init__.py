"""From a HAR, the recording of a visit that browsers and proxies make, to journeys. Pure.

exchange .... one request of a visit and its answer
reading ..... a HAR of any maker as exchanges, bounded
choosing .... which of them a journey asks again
requests .... a request taken apart into values, and put together as a step
markup ...... what a journey needs of an HTML page
answers ..... the places of an answer from which a step can capture
flows ....... which value of a request comes from which answer
outside ..... values that come from outside: secrets, by name, and texts that are new each time
journeys .... the steps of a journey, each with what it captures
plan ........ which steps, in which journeys
samples ..... answers with names in the place of what differs from run to run
queries ..... what JSONPath queries must find in them
paging ...... what shows that a next page is another one
expecting ... all that an answer can be held to
visit ....... all of that together: the way in
"""
