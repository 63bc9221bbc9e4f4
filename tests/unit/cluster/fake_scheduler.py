"""A scheduler whose workers are in this process."""

import json
from dataclasses import dataclass, field

from fpmg_bench.cluster.session import Unreachable


@dataclass(eq=False)
class Answer:
    """A future that is done."""

    text: str
    status: str = "finished"

    def done(self):
        return True

    def result(self):
        return self.text

    def exception(self):
        return RuntimeError(self.text)


@dataclass
class Fake:
    """A session. answer(brief, bundle, send) is the worker: it may send messages, and gives what the task gives, or an Answer."""

    answer: object
    here: dict = field(default_factory=lambda: {"tcp://w:1": 1})
    address: str = "tcp://s:1"
    waiting: list = field(default_factory=list)
    briefs: list = field(default_factory=list)
    cancelled: int = 0
    gone: bool = False

    def ticket(self):
        return str(len(self.briefs))

    def workers(self):
        self.check()
        return self.here

    def submit(self, brief, bundle, only):
        brief = json.loads(json.dumps(brief))
        self.briefs.append((brief, only))
        at = {"ticket": brief["ticket"]}
        found = self.answer(brief, bundle, lambda **message: self.waiting.append({**at, **message}))
        return found if isinstance(found, Answer) else Answer(json.dumps(found))

    def received(self):
        self.check()
        got, self.waiting = self.waiting, []
        return got

    def check(self):
        if self.gone:
            raise Unreachable("gone")

    def connect(self, wait):
        self.check()

    def cancel(self, futures):
        self.cancelled += len(futures)

    def close(self):
        pass
