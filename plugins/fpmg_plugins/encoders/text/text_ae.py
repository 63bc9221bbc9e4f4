"""Texts of any script: what `transformer-ae` does for the kind "text"."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from fpmg_bench.types import Text
from fpmg_plugins.encoders.bert import Sizes
from fpmg_plugins.encoders.text import finding_planner, phrases, public_reader, tallies, writing
from fpmg_plugins.encoders.text import words as spelling
from fpmg_plugins.encoders.text.net import BUCKETS, TextCoder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Schema, State
    from fpmg_plugins.encoders.text.writing import Pen

MOST = 40  # findings of a text that count in full under privacy
SLOPE, HALF = 10.0, 0.4  # logit = SLOPE (reconstruction - HALF): a finding is more likely than not from HALF on
SIZES = (2, 3, 4, 6, 8, 11, 15, 20, 27, 36, 50, 70, 100, 140, 200, 300)  # words from which on a text is of the next size
WORDS = 512  # the commonest words that say no finding are in the vector, too
COUNTS = 1 + len(tallies.ORDERS) + 1  # words, sequences, findings
RIDGE = 1e-9
NEVER = -50.0  # nats on a finding that no patients are known to have
WORDS_AT, BASE, CUT, KNOWN = "frozen/words", "frozen/base", "frozen/cut", "frozen/known"


class Settings(Sizes, Protocol):
    """Sizes of the layers, words of a text at most, the public model that reads in their place, and where phrases come from."""

    @property
    def tokens(self) -> int: ...
    @property
    def pretrained(self) -> str: ...
    @property
    def phrases(self) -> str: ...
    @property
    def least(self) -> int: ...
    @property
    def start(self) -> str: ...


def network(settings: Settings, schema: Schema) -> TextCoder:
    """A fresh network for texts of at most `tokens` words."""
    s, findings = settings, 2 * len(finding_planner.names())
    hidden = public_reader.width(s.pretrained) if s.pretrained else 0
    return TextCoder(
        _length(s, schema), findings, _words(s), len(SIZES) + 1 if _words(s) else 0, s.dim, s.width, s.layers, s.heads, hidden
    )


def features(settings: Settings, schema: Schema, state: State, data: Any) -> dict[str, Tensor]:
    """codes int64 [n, length]; bag uint8 [n, findings + words], of the whole text; read [n, hidden] by a frozen model."""
    bag = finding_planner.bags(data.strings)
    if _words(settings):
        bag = np.concatenate([bag, _said(_opened(_Held.of(state)), data.strings), _sizes(data.strings)], axis=1)
    seen = {
        "codes": torch.from_numpy(spelling.codes(data.strings, _length(settings, schema), BUCKETS)),
        "bag": torch.from_numpy(bag),
    }
    return seen | ({"read": public_reader.read(settings.pretrained, data.strings)} if settings.pretrained else {})


def records(settings: Settings, schema: Schema, state: State, outputs: Mapping[str, Tensor]) -> Text:
    """The strings of logits [n, findings + words] and vectors z [n, dim], within the schema's characters."""
    logits, seeds = outputs["logits"].numpy(), spelling.seeded(outputs["z"].numpy())
    pen = _opened(_Held.of(state)) if _words(settings) else None
    findings = 2 * len(finding_planner.names())
    known = state[KNOWN].numpy() if KNOWN in state else np.ones(findings, dtype=bool)
    expected = (logits[:, :findings] > finding_planner.EXPECTED) & known
    bodies = [""] * len(logits)
    if pen is not None:
        sized = findings + WORDS
        lift = (logits - state[BASE].numpy())[:, :sized]
        lift[:, :findings][:, ~known] = NEVER
        size = writing.Size(logits[:, sized:], np.array([1, *SIZES]), np.array([*SIZES, _length(settings, schema)]))
        bodies = writing.written(pen, lift, expected, size, seeds, _length(settings, schema))
    pairs = zip(bodies, expected, strict=True)
    written = (finding_planner.complete(body, due, schema.shape[0]) for body, due in pairs)
    return Text(tuple(text or schema.nothing[: schema.shape[0]] for text in written))


def statistics(settings: Settings, shard: Shard) -> State:
    """What `phrases` and `start` ask for: counts of phrases and of findings; findings' sums, products and the number of patients."""
    found: State = {}
    if settings.phrases == "exchanged":
        found |= tallies.counted(shard, settings.least)
        said = shard.counts(lambda rows: torch.from_numpy(_usual(rows.strings, settings.tokens)), (MOST + 2.0) ** 0.5)
        found["words/usual"] = torch.where(said < settings.least, 0.0, said)
        found["words/patients"] = torch.tensor([float(shard.patients)], dtype=torch.float64)
    if settings.start == "moments":
        moments = shard.moments(lambda rows: torch.from_numpy(finding_planner.bags(rows.strings)), MOST**0.5)
        n = torch.tensor(moments.n, dtype=torch.float64)
        found |= {"sums/n": n, "sums/first": n * moments.mean, "sums/second": n * moments.second}
    return found


def frozen(settings: Settings, stats: State) -> State:
    """The agreed words, sequences of them with their counts, and the usual logit of all that a vector holds."""
    if settings.phrases != "exchanged":
        return {}
    agreed = tallies.agreed(stats)
    state: State = {WORDS_AT: torch.from_numpy(np.frombuffer("\n".join(agreed.words).encode() or b"\n", dtype=np.uint8).copy())}
    for order, rows in agreed.sequences.items():
        state[f"frozen/sequences.{order}"] = torch.from_numpy(rows)
    for order, counts in agreed.counts.items():
        state[f"frozen/counts.{order}"] = torch.from_numpy(counts)
    n = float(stats["words/patients"].sum())
    findings, sizes, cut = torch.split(stats["words/usual"], [2 * len(finding_planner.names()), len(SIZES) + 1, 1])
    rates = torch.cat([findings / n, torch.zeros(WORDS, dtype=torch.float64), sizes / n])
    pen = _opened(_Held.of(state))
    if pen is not None:
        column = pen.column[1 : 1 + len(agreed.words), 0] - 2
        plain = (column >= len(findings)) & (column < len(findings) + WORDS)
        rates[column[plain]] = torch.from_numpy(agreed.counts[1][plain]).double() / n
    state[CUT], state[KNOWN] = cut.float(), findings > 0
    state[BASE] = rates.clamp(0.5 / max(n, 2.0), 1 - 0.5 / max(n, 2.0)).logit().float()
    return state


def started(state: State, stats: State, module: str) -> State:
    """The state with what is usual in the biases, and the findings' principal components on the straight path if they were exchanged."""
    if BASE in state:
        rates = state[BASE].sigmoid()
        into = state[f"{module}/found.weight"]
        state = state | {f"{module}/say.bias": state[BASE].clone(), f"{module}/found.bias": -(into @ rates)}
    return principal(state, stats, module) if "sums/n" in stats else state


def principal(state: State, stats: State, module: str) -> State:
    """The state with the straight path at the principal components of the findings, exact for all silos together."""
    mean, second = stats["sums/first"] / stats["sums/n"], stats["sums/second"] / stats["sums/n"]
    # findings that nobody has leave many equal eigenvalues, on which the solver may give up
    values, vectors = torch.linalg.eigh(second - torch.outer(mean, mean) + RIDGE * torch.eye(len(mean), dtype=mean.dtype))
    d, k = len(state[f"{module}/found.bias"]), len(mean)
    sd = values.flip(0)[:d].clamp(min=1e-8).sqrt()
    axes = vectors.flip(1)[:, :d]
    axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()  # the largest entry is positive
    size = (sd * sd[0]).sqrt()  # half-way to unit variance: rare findings count, and do not drown the rest
    into, back = axes / size, SLOPE * axes * size
    start = {name: state[f"{module}/{name}"].clone() for name in ("found.weight", "found.bias", "say.weight", "say.bias")}
    # words come in by the steps alone: at random they would drown the components
    start["found.weight"] = torch.nn.functional.pad(into.T.float(), (0, start["found.weight"].shape[1] - k))
    start["found.bias"] = (-mean @ into).float()
    start["say.weight"].zero_()
    start["say.weight"][:k, :d] = back.float()
    start["say.bias"][:k] = (SLOPE * (mean - HALF)).float()
    return state | {f"{module}/{name}": value.contiguous() for name, value in start.items()}


@dataclass(frozen=True)
class _Held:
    """A state's phrases, known by their content."""

    digest: bytes
    state: Mapping[str, Tensor] = field(compare=False)

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> _Held:
        parts = {
            key: state[key] for key in sorted(state) if key == WORDS_AT or key.startswith(("frozen/sequences", "frozen/counts"))
        }
        found = hashlib.blake2b(digest_size=16)
        for value in parts.values():
            found.update(value.numpy().tobytes())
        return cls(found.digest(), parts)


@lru_cache(maxsize=4)
def _opened(held: _Held) -> Pen | None:
    """What writes with these phrases; None where nothing was frequent enough."""
    state = held.state
    listed = state[WORDS_AT].numpy().tobytes().decode()
    sequences = {order: state[f"frozen/sequences.{order}"].numpy() for order in tallies.ORDERS}
    counts = {order: state[f"frozen/counts.{order}"].numpy() for order in (1, *tallies.ORDERS)}
    words = tuple(listed.split("\n")) if listed.strip("\n") else ()
    known = phrases.compiled(tallies.Agreed(words, sequences, counts))
    return None if known is None else writing.pen(known, WORDS)


def _said(pen: Pen | None, strings: Sequence[str]) -> NDArray[np.uint8]:
    """[n, WORDS]: 1 where a text has the word."""
    found = np.zeros((len(strings), WORDS), dtype=np.uint8)
    if pen is None:
        return found
    first = 2 * (len(finding_planner.names()) + 1)
    columns = pen.column[1 : 1 + len(pen.phrases.words), 0] - first
    at = {word: int(column) for word, column in zip(pen.phrases.words, columns, strict=True) if 0 <= column < WORDS}
    for row, string in enumerate(strings):
        found[row, [at[word] for word in set(spelling.words(string)) if word in at]] = 1
    return found


def _sizes(strings: Sequence[str]) -> NDArray[np.uint8]:
    """[n, len(SIZES) + 1]: 1 where a text is of the size."""
    at = np.digitize([len(spelling.words(string)) for string in strings], SIZES)
    return np.eye(len(SIZES) + 1, dtype=np.uint8)[at]


def _usual(strings: Sequence[str], tokens: int) -> NDArray[np.uint8]:
    """[n, findings + sizes + 1]: what a text says, its size, and whether it is longer than so many words."""
    cut = np.array([[len(spelling.words(string)) > tokens] for string in strings], dtype=np.uint8).reshape(-1, 1)
    return np.concatenate([finding_planner.bags(strings), _sizes(strings), cut], axis=1)


def _words(settings: Settings) -> int:
    return WORDS if settings.phrases == "exchanged" else 0


def _length(settings: Settings, schema: Schema) -> int:
    return max(4, min(settings.tokens, schema.shape[0]))
