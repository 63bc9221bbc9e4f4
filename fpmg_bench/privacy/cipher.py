"""Random words for draws and noise: AES-256 in counter mode, one key a stream.

torch keeps 32 bits of a seed, so what it drew can be found again by trying them all. Of a key of 256 bits nobody tries a share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.keys import KEY_BYTES, key_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRACTION = 53  # bits of a float64's mantissa: a rate times 2^53 is exact


class Stream:
    """The words of one key, in order. Raises ValueError for a key that is not 32 bytes."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        self._encryptor = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()  # a key has one stream: nonce 0

    @classmethod
    def of(cls, root: int | bytes, *path: str | int) -> Stream:
        """The stream of a path below a root seed or a key."""
        return cls(key_for(root, *path))

    def words(self, n: int) -> NDArray[np.uint64]:
        """The next n words of 64 bits, each of them uniform."""
        return np.frombuffer(self._encryptor.update(bytes(8 * n)), dtype="<u8")

    def below(self, limit: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """[n]: True with probability limit / 2^53, exactly."""
        return (self.words(len(limit)) >> np.uint64(64 - FRACTION)) < limit

    def picks(self, many: NDArray[np.int64]) -> NDArray[np.int64]:
        """[n]: a whole number below each of `many`; none is likelier than another by more than many / 2^53."""
        share = (self.words(len(many)) >> np.uint64(64 - FRACTION)).astype(np.float64) / 2.0**FRACTION
        return (share * many).astype(np.int64)
