"""What a round's messages weigh."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fpmg_bench.federation.hops import Load

if TYPE_CHECKING:
    from fpmg_bench.transport import Message


@dataclass(slots=True)
class Meter:
    """Exact bytes, counted once, at the sender; headers apart. steps: who sent and received how much in each, in order."""

    header: int = 0
    messages: int = 0
    bytes: int = 0
    lost: int = 0  # planned, and never arrived: neither counted nor billed
    sent: dict[int, int] = field(default_factory=dict)
    steps: list[Load] = field(default_factory=list)

    def begin(self) -> None:
        """What is counted from now on travels at once, after all that was counted before."""
        self.steps.append(Load())

    def count(self, message: Message) -> None:
        self.steps[-1].add(message.src, message.dst, message.bytes)
        self.messages += 1
        self.bytes += message.bytes
        self.sent[message.src] = self.sent.get(message.src, 0) + message.bytes

    @property
    def headers(self) -> int:
        return self.messages * self.header
