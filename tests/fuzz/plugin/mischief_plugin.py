"""A kind of probe that passes on whatever it hears, and more: answers as none should be."""

import random
import time
import urllib.request

from gate.probes.plugin import Answer, Question, Remark
from tests.fuzz.mischief import acting


def ask(question: Question) -> object:
    """Something other than an answer, or an answer that would act where it is shown raw."""
    rng = random.Random(question.options["seed"])
    key = str(question.options["key"])
    text = acting(rng) + key
    kinds = (
        lambda: Answer(rng.choice([True, False, None]), text, text, excerpts=(text,) * 50),
        lambda: Answer(False, text * 100_000, text, (Remark(text, text, text),) * 5000),
        lambda: Answer(False, "", "", (Remark("", "", ""),)),
        lambda: Answer(None, "\ud800" + text, excerpts=("x" * 5_000_000,) * 100_000),
        lambda: Answer(False, text, answered_by=text * 1000, findings=[Remark(key, key)]),
        lambda: Answer(True, text, findings=(Remark(text, text),)),
        lambda: Answer(True, _heard(question), excerpts=[_heard(question)]),
        lambda: Answer(False, _heard(question)),
        lambda: Answer(1, text),
        lambda: Answer(True, text.encode()),
        lambda: Answer(True, "fine", excerpts=(5,)),
        lambda: rng.choice([None, text, {"passed": True}, Answer, [text] * 10]),
        lambda: time.sleep(2),
        lambda: _raise(rng.choice([SystemExit, KeyboardInterrupt, ValueError, MemoryError])(text)),
        lambda: _raise(RecursionError(text)),
    )
    return rng.choice(kinds)()


def _heard(question: Question) -> str:
    request = urllib.request.Request(question.url + "/x", headers=dict(question.headers))
    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.HTTPHandler())
    with opener.open(request, timeout=0.3) as answer:
        return (str(answer.headers) + answer.read(1_000_000).decode("latin-1"))[:2_000_000]


def _raise(error: BaseException) -> None:
    raise error
