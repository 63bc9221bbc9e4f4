"""Secure aggregation: messages under pairwise masks, of which whoever adds them up learns the (weighted) sum alone.

Silos agree on pair secrets by X25519 over the plan's own edges, once a stage: everyone gets everyone's public key. Every round, module
group and type derives masks of its own from a pair's secret. Sizes of silos are public: each can scale its model by its share before
it masks it. Formulas and limits: docs/decisions/018-secure-aggregation.md, 064-masked-sums.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fpmg_bench.errors import PlumbingError, PrivacyError, TrialError
from fpmg_bench.federation import masking
from fpmg_bench.federation.edges import edges_of, waves
from fpmg_bench.federation.hops import flooded, hops
from fpmg_bench.federation.masks.pairs import simulated
from fpmg_bench.federation.masks.recovery import Recovery
from fpmg_bench.keys import KEY_BYTES

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Aggregator, Topology
    from fpmg_bench.federation.layout import Bundle, Layout
    from fpmg_bench.federation.masking import FixedPoint, Words
    from fpmg_bench.federation.masks.pairs import Secrets
    from fpmg_bench.transport import Message
    from fpmg_bench.types import Step


@dataclass(frozen=True, slots=True)
class Sum:
    """One masked merge: who was to send, with which weight, under which masks. what: names its vectors, no two alike.

    secrets: of this process's silos; None: of all, simulated.
    """

    recovery: Recovery
    weights: Mapping[int, float]
    what: tuple[str | int, ...]
    where: str
    secrets: Mapping[int, Secrets] | None = None

    def masked(self, numbers: Mapping[int, Words], dtype: str) -> dict[int, Words]:
        """What each silo sends."""
        if self.recovery.drops:
            return self.recovery.masked(numbers, *self.what, dtype)
        secrets = self.secrets or simulated(self.recovery.seed, self.recovery.stage, self.recovery.silos)
        what = (*self.what, dtype)
        return {s: masking.hidden(words, s, self.recovery.silos, secrets[s], *what) for s, words in numbers.items()}

    def total(self, arrived: Mapping[int, Words], dtype: str) -> Words:
        """The sum of what arrived."""
        return self.recovery.total(arrived, *self.what, dtype) if self.recovery.drops else masking.total(arrived.values())


def mask(messages: Sequence[Message], merge: Sum) -> list[Message]:
    """The messages of one merge with weight_i x_i under masks, int64, in place of x_i."""
    where, silos = merge.where, merge.recovery.silos
    refuse_alone(silos, where)
    if any(m.dst >= 0 or m.relayed for m in messages):
        raise PlumbingError(f"{where}: masks cancel in a sum at a server or hub; {messages[0]} is no part of one")
    payloads: dict[int, dict[str, Tensor]] = {m.src: {} for m in messages}
    for dtype in messages[0].payload if messages else ():
        shares = {m.src: merge.weights[m.src] * m.payload[dtype].double() for m in messages}
        numbers = {silo: whole(share, masking.MODELS, len(silos), f"{where}, silo {silo}") for silo, share in shares.items()}
        for src, words in merge.masked(numbers, dtype).items():
            payloads[src][dtype] = tensor(words)
    return [replace(m, payload=payloads[m.src], masked=True) for m in messages]


def opened(messages: Sequence[Message], like: Bundle, aggregator: Aggregator, merge: Sum) -> Bundle:
    """The weighted mean of those that sent, all that their masked messages tell; in the types of `like`."""
    import torch

    if aggregator.needs != "sum":
        raise PrivacyError(f"{type(aggregator).__name__} needs individual models, masked ones tell only their sum")
    found, share = {}, sum(merge.weights[m.src] for m in messages)
    lost = len(messages) < len(merge.weights)
    for dtype, reference in like.items():
        words = merge.total({m.src: words_of(m.payload[dtype], masking.MODELS) for m in messages}, dtype)
        mean = torch.from_numpy(masking.decode(words, masking.MODELS))
        found[dtype] = (mean / share if lost else mean).to(reference.dtype)
    return found


def whole(values: Tensor, point: FixedPoint, terms: int, where: str) -> Words:
    """Fixed-point numbers of one silo. TrialError: one is not finite, or has no room in a sum of so many terms."""
    array = values.numpy()
    if not masking.fits(array, point, terms):
        most = point.limit / terms
        what = f"a number is not finite, or beyond the +-{most:.3g} that secure aggregation can send"
        raise TrialError(f"{where}: {what}", "lower lr, or write masked: false")
    return masking.encode(array, point)


def refuse_alone(silos: Iterable[int], where: str) -> None:
    """PrivacyError: of one silo the sum is what it sends."""
    alone = list(silos)
    if len(alone) < 2:
        raise PrivacyError(
            f"{where}: silo {', '.join(map(str, alone))} is alone, and the sum over one silo is what it sends",
            "secure aggregation needs two silos that hold the same modules; leave the modality out, or write masked: false",
        )


def tensor(words: Words) -> Tensor:
    """Words [words, d] as they travel: int64 [words * d]."""
    import numpy as np
    import torch

    return torch.from_numpy(words.reshape(-1).view(np.int64))


def words_of(sent: Tensor, point: FixedPoint) -> Words:
    """The inverse of `tensor`."""
    import numpy as np

    words: Words = sent.numpy().view(np.uint64).reshape(point.words, -1)
    return words


def is_masked(steps: Iterable[Step]) -> bool:
    """Whether a plan uses secure aggregation for models."""
    return any(step.masked for step in steps)


def keys(steps: Sequence[Step], silos: Sequence[int], rounds: bool) -> tuple[int, int]:
    """(bytes, messages) of the public keys of one stage, handed on over the plan's edges until each silo has all n; n^2 on a star.

    What goes from one node to another at once is one message. Where rounds may lose silos, shares of private keys are dealt too.
    """
    flood = waves(edges_of(steps), {silo: {silo} for silo in silos})
    messages = sum(len({(move.src, move.dst) for move in wave}) for wave in flood)
    drops = max((step.drops for step in steps), default=0) if rounds else 0
    shares, told = Recovery(0, "", tuple(silos), drops).dealt() if drops else (0, 0)
    return KEY_BYTES * sum(map(len, flood)) + shares, messages + told


def round_keys(steps: Sequence[Step], silos: Sequence[int]) -> int:
    """Bytes of shares in a round that loses nobody."""
    return sum(Recovery(0, "", tuple(silos), step.drops).cost(len(silos))[0] for step in steps if step.drops)


def key_path(steps: Sequence[Step], silos: Sequence[int]) -> list[int]:
    """Hops of the keys."""
    return hops([flooded(edges_of(steps), {silo: {silo} for silo in silos}, KEY_BYTES)])


def round_bytes(topology: Topology, silos: int, layout: Layout) -> int | None:
    """Closed form of one round: `topology.messages`, of which `topology.messages_masked` (where it has that) are 8 bytes a number."""
    messages = topology.messages(silos)
    if messages is None:
        return None
    count = getattr(topology, "messages_masked", None)
    under_masks = count(silos) if count else 0
    return (messages - under_masks) * layout.bytes + under_masks * layout.numbers * masking.MODELS.bytes
