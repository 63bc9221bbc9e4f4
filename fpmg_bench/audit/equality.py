"""Released values that equal a real patient's, number by number: of whom, and are they those who were trained on?

Only what one patient alone has counts: a text that two patients share tells of neither. That released records equal each other is no
evidence of anything: whoever releases one made-up patient a thousand times has told nothing of anybody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.keys import seed_for
from fpmg_bench.types import Pixels, Series, Table, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort

MOST = 1_000  # patients of a side: their pictures are read anew for every trial
READ = 256  # pictures held at once


def equal(releases: Iterable[Cohort], members: Cohort, others: Cohort, seed: int) -> dict[str, dict[str, int]]:
    """Modality -> how many of `patients` members, and of as many others, have a value of their own that was released.

    members: training patients; others: held-out ones. Modalities that nobody was released with, or one side has not, are left out.
    """
    released = list(releases)
    count = min(MOST, *(len(np.unique(side.patient)) for side in (members, others)))
    sides = [_some(side, count, seed_for(seed, "equal", name)) for side, name in ((members, "members"), (others, "others"))]
    found = {}
    for modality in members.schemas:
        made = {digest for release in released for _, digest in _values(release, modality)}
        real = [list(_values(side, modality)) for side in sides]
        if made and all(real):
            own = _own(real)
            first, second = (len({who for who, digest in side if digest in made and digest in own}) for side in real)
            found[modality] = {"patients": count, "members": first, "others": second}
    return found


def _some(side: Cohort, count: int, seed: int) -> Cohort:
    """The records of so many of its patients."""
    chosen = np.random.default_rng(seed).permutation(np.unique(side.patient))[:count]
    return side.take(np.isin(side.patient, chosen))


def _own(sides: Iterable[Iterable[tuple[int, bytes]]]) -> set[bytes]:
    """Values that one patient alone has."""
    holders: dict[bytes, set[tuple[int, int]]] = {}
    for at, side in enumerate(sides):
        for who, digest in side:
            holders.setdefault(digest, set()).add((at, who))
    return {digest for digest, who in holders.items() if len(who) == 1}


def _values(cohort: Cohort, modality: str) -> Iterator[tuple[int, bytes]]:
    """(patient, digest) of every record that has the modality."""
    if modality not in cohort.data:
        return
    rows = np.flatnonzero(cohort.present[modality])
    data = cohort.data[modality].take(rows)
    pieces = next(read for kind, read in _READ.items() if isinstance(data, kind))(data)
    for who, piece in zip(cohort.patient[rows].tolist(), pieces, strict=True):
        yield who, hashlib.blake2b(piece, digest_size=16).digest()


def _table(data: Table) -> Iterator[bytes]:
    """Numbers as float32, as decoders write them."""
    numbers = data.frame.select_dtypes("number").to_numpy(np.float32) + np.float32(0)  # -0 is 0
    numbers[np.isnan(numbers)] = np.nan  # one of the many
    words = data.frame.select_dtypes(exclude="number").to_numpy(object)
    for number, word in zip(numbers, words, strict=True):
        yield number.tobytes() + "\x1f".join("" if each != each else str(each) for each in word).encode()


def _series(data: Series) -> Iterator[bytes]:
    values: NDArray[np.float32] = np.where(data.seen, data.values, 0).astype(np.float32)
    for time, value, seen in zip(data.time.astype(np.float32), values, data.seen, strict=True):
        yield time.tobytes() + value.tobytes() + seen.tobytes()


def _text(data: Text) -> Iterator[bytes]:
    return (string.encode() for string in data.strings)


def _pixels(data: Pixels) -> Iterator[bytes]:
    for start in range(0, len(data), READ):
        for picture in data.take(np.arange(start, min(start + READ, len(data)))).array():
            yield picture.tobytes()


_READ: Mapping[type, Callable[[Any], Iterator[bytes]]] = {Table: _table, Series: _series, Text: _text, Pixels: _pixels}
