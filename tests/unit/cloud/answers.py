"""Answers of an API without a socket: a client that gives them from a list."""

import json

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.failure import Code, Failure
from gate.cloud.http import Answer
from gate.cloud.wire import Patience, Ways, Wire

REAL = Place(Api.RUN, Endpoint(), "us-central1")
LOCAL = Place(Api.RUN, Endpoint("127.0.0.1:7"), "us-central1")
REFUSED = Failure(Code.UNAVAILABLE, "Connect call failed", sent=False, nobody="connection refused")


def ok(document):
    return Answer(200, json.dumps(document).encode())


def error(status, name="", message="words", **more):
    body = {"error": {"code": status, "message": message, "status": name, **more}}
    return Answer(status, json.dumps(body).encode())


class Scripted:
    """Answers from a list; the last one repeats. Keeps what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        self.headers = []
        self.bodies = []
        self.closed = False

    async def ask(self, method, target, headers, body, *, timeout_s):
        self.asked.append((method, target, timeout_s))
        self.headers.append(dict(headers))
        self.bodies.append(json.loads(body) if body else None)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        self.closed = True


class Slept(list):
    async def __call__(self, seconds):
        self.append(seconds)


async def nobody_in_particular(place, url):
    return [("Authorization", "Bearer t")]


def ways_over(client, slept=None, **more):
    sleep = Slept() if slept is None else slept
    return Ways(sleep=sleep, client=lambda place: client, identify=nobody_in_particular, **more)


def wire_over(client, place=REAL, patience=None, **more):
    slept = Slept()
    return Wire(place, patience or Patience(), ways_over(client, slept, **more)), slept
