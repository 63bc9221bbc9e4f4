"""A masked sum that survives silos whose message is lost: double masks and shares of both secrets (Bonawitz et al., 2017).

Beside the masks of pairs each vector has a mask of its own, from a fresh seed. Every silo deals shares of that seed and of its private
key. Of who sent, t others tell their shares of the seed; of who did not, of the key: the server learns one secret of each silo, never
both. That takes t > n / 2, or two halves could be asked for one each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpmg_bench.cipher import WORD, keystream
from fpmg_bench.errors import PrivacyError
from fpmg_bench.federation import masking
from fpmg_bench.federation.masks.pairs import agreed, public_key, simulated, simulated_key
from fpmg_bench.federation.masks.shares import restored, split
from fpmg_bench.keys import KEY_BYTES, key_for, seed_for

if TYPE_CHECKING:
    from fpmg_bench.federation.masking import Words

SHARE = KEY_BYTES + 16  # bytes of a share on its way to another silo: sealed for it, so with a tag


@dataclass(frozen=True, slots=True)
class Recovery:
    """One sum among these silos, of which `drops` may fail to send. Keys and seeds from the seed tree: simulated in one process."""

    seed: int
    stage: str
    silos: tuple[int, ...]
    drops: int

    def __post_init__(self) -> None:
        if self.drops and 2 * self.least <= len(self.silos):
            n = len(self.silos)
            raise PrivacyError(
                f"{self.stage}: of {n} silos {self.drops} may fail to send, but fewer than half must",
                f"write drops: {(n - 1) // 2} or less, or have more silos",
            )

    @property
    def least(self) -> int:
        """t: how many must be left."""
        return len(self.silos) - self.drops

    def masked(self, numbers: Mapping[int, Words], *what: str | int) -> dict[int, Words]:
        """What each silo sends: numbers [words, d] under masks of pairs, and under its own."""
        sent = masking.masked(numbers, simulated(self.seed, self.stage, self.silos), *what)
        return {s: masking.added(words, masking.stream(self._fresh(s, *what), words.shape)) for s, words in sent.items()}

    def total(self, arrived: Mapping[int, Words], *what: str | int) -> Words:
        """The sum of what these silos added. PrivacyError where fewer than `least` are left to tell their shares."""
        sums = masking.total(arrived.values())
        for silo in self.silos:
            if silo in arrived:
                seed = self._told(self._fresh(silo, *what), "fresh", silo, arrived, *what)
                sums = masking.removed(sums, masking.stream(seed, sums.shape))
            else:
                private = self._told(self._private(silo), "private", silo, arrived)
                public = {other: public_key(self._private(other)) for other in arrived}
                sums = masking.hidden(sums, silo, arrived, agreed(silo, private, public), *what)  # the other halves of theirs
        return sums

    def cost(self, arrived: int) -> tuple[int, int]:
        """(bytes, messages) of one sum besides the vectors: shares of fresh seeds by way of the server, then those that are told."""
        n = len(self.silos)
        return 2 * SHARE * n * (n - 1) + arrived * n * KEY_BYTES, 2 * n + arrived

    def dealt(self) -> tuple[int, int]:
        """(bytes, messages) of a stage: shares of the private keys by way of the server."""
        n = len(self.silos)
        return 2 * SHARE * n * (n - 1), 2 * n

    def _private(self, silo: int) -> bytes:
        return simulated_key(seed_for(self.seed, self.stage, "keys"), silo)

    def _fresh(self, silo: int, *what: str | int) -> bytes:
        return key_for(self._private(silo), "own mask", *what)

    def _told(self, secret: bytes, kind: str, silo: int, by: Collection[int], *what: str | int) -> bytes:
        """A silo's secret, from the shares that those who are left hold."""
        noise = key_for(self._private(silo), "shares", kind, *what)
        shares = split(secret, self.silos, self.least, lambda n: keystream(noise, -(-n // WORD)).tobytes())
        return restored({other: shares[other] for other in by}, self.least)
