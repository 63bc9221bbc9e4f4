"""Secure aggregation, in simulation: messages under pairwise masks, of which the receiver learns the weighted sum alone.

Pair seeds come from the seed tree, where silos would agree on them by X25519 over the server: each sends a public key once a
stage and gets those of the others, and every round, module group and type derives masks of its own from the pair's secret.
Nobody drops out here, so no secret is ever shared or revealed and one exchange of keys serves all rounds. Sizes of silos are
public: each can scale its model by its share before it masks it. Formulas and limits: docs/decisions/018-secure-aggregation.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fpmg_bench.errors import PlumbingError, PrivacyError, TrialError
from fpmg_bench.federation import masking
from fpmg_bench.federation.hops import Load, hops
from fpmg_bench.keys import seed_for

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Aggregator, Topology
    from fpmg_bench.federation.layout import Bundle, Layout
    from fpmg_bench.federation.masking import FixedPoint, Words
    from fpmg_bench.transport import Message
    from fpmg_bench.types import State, Step

KEY = 32  # bytes of a public key (X25519)


def mask(messages: Sequence[Message], weights: Tensor, where: str, seed: int) -> list[Message]:
    """The messages of one merge with weight_i x_i under masks, int64, in place of x_i. weights [m] sum to 1."""
    if any(m.dst >= 0 or m.relayed for m in messages):
        raise PlumbingError(f"{where}: masks cancel in a sum at a server or hub; {messages[0]} is no part of one")
    payloads: dict[int, dict[str, Tensor]] = {m.src: {} for m in messages}
    for dtype in messages[0].payload:
        shares = {m.src: w * m.payload[dtype].double() for m, w in zip(messages, weights, strict=True)}
        for src, words in _masked(shares, masking.MODELS, where, seed_for(seed, dtype)).items():
            payloads[src][dtype] = _tensor(words)
    return [replace(m, payload=payloads[m.src], masked=True) for m in messages]


def opened(messages: Sequence[Message], like: Bundle, aggregator: Aggregator) -> Bundle:
    """The weighted mean, all that the masked messages of one merge tell; in the types of `like`."""
    import numpy as np
    import torch

    if aggregator.needs != "sum":
        raise PrivacyError(f"{type(aggregator).__name__} needs individual models, masked ones tell only their sum")
    found = {}
    for dtype, reference in like.items():
        words = masking.total(m.payload[dtype].numpy().view(np.uint64)[None] for m in messages)
        found[dtype] = torch.from_numpy(masking.decode(words, masking.MODELS)).to(reference.dtype)
    return found


def summed(local: Mapping[int, State], where: str, seed: int) -> State:
    """Sums over silos of their statistics, each number of 128 bits under masks."""
    import torch

    first = next(iter(local.values()))
    sums = {}
    for key, like in first.items():
        parts = {silo: state[key].double().reshape(-1) for silo, state in local.items()}
        sent = _masked(parts, masking.SUMS, f"{where}, {key}", seed_for(seed, key))
        total = torch.from_numpy(masking.decode(masking.total(sent.values()), masking.SUMS))
        sums[key] = total.reshape(like.shape).to(like.dtype)
    return sums


def _masked(shares: Mapping[int, Tensor], point: FixedPoint, where: str, seed: int) -> dict[int, Words]:
    if len(shares) < 2:
        alone = ", ".join(map(str, shares))
        raise PrivacyError(
            f"{where}: silo {alone} is alone, and the sum over one silo is what it sends",
            "secure aggregation needs two silos that hold the same modules; leave the modality out, or write masked: false",
        )
    arrays = {silo: share.numpy() for silo, share in shares.items()}
    for silo, values in arrays.items():
        if not masking.fits(values, point, len(arrays)):
            most = point.limit / len(arrays)
            what = f"a number is not finite, or beyond the +-{most:.3g} that secure aggregation can send"
            raise TrialError(f"{where}, silo {silo}: {what}", "lower lr, or write masked: false")
    return masking.masked({silo: masking.encode(values, point) for silo, values in arrays.items()}, seed)


def _tensor(words: Words) -> Tensor:
    import numpy as np
    import torch

    return torch.from_numpy(words[0].view(np.int64))


def is_masked(steps: Iterable[Step]) -> bool:
    """Whether a plan uses secure aggregation."""
    return any(step.masked for step in steps)


def keys(steps: Iterable[Step]) -> tuple[int, int]:
    """(bytes, messages) of the public keys of one stage: of g silos that mask together each sends one key and gets g - 1."""
    groups = _groups(steps)
    return sum(KEY * len(group) ** 2 for group in groups), sum(2 * len(group) for group in groups)


def key_path(steps: Iterable[Step]) -> list[int]:
    """Hops of the keys: up to the node where the masks cancel, and down from it."""
    up, down = Load(), Load()
    for group, at in _groups(steps).items():
        for silo in group:
            up.add(silo, at, KEY)
            down.add(at, silo, KEY * (len(group) - 1))
    return hops([[up, down]]) if up.sent else []


def _groups(steps: Iterable[Step]) -> dict[frozenset[int], int]:
    """Silos that mask together -> the node that gets their sum."""
    return {
        frozenset(move.src for move in step.transfers if move.dst == dst): dst
        for step in steps
        if step.masked
        for dst in {move.dst for move in step.transfers}
    }


def round_bytes(topology: Topology, silos: int, layout: Layout) -> int | None:
    """Closed form of one round: `topology.messages`, of which `topology.messages_masked` (where it has that) are 8 bytes a number."""
    messages = topology.messages(silos)
    if messages is None:
        return None
    count = getattr(topology, "messages_masked", None)
    under_masks = count(silos) if count else 0
    return (messages - under_masks) * layout.bytes + under_masks * layout.numbers * masking.MODELS.bytes
