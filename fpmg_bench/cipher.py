"""Words that nobody tells from uniform ones without the key (of 256 bits: `keys.key_for`), for draws, noise and masks.

torch keeps 32 bits of a seed, so what it drew can be found again by trying them all. Of a key of 256 bits nobody tries a share. A
benchmark's keys come from its seed tree and repeat, a deployment's from the system's generator: the words are as good as the key.
`Stream`, AES-256 in counter mode: one key, one stream, asked again and again. `keystream`, ChaCha20 (RFC 8439): a nonce a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.keys import KEY_BYTES, key_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORD = 8  # bytes
FRACTION = 53  # bits of a float64's mantissa: a rate times 2^53 is exact


class Stream:
    """The words of one key, in order. taken: how many so far. Raises ValueError for a key that is not 32 bytes."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        self.taken = 0
        self._encryptor = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()  # a key has one stream: nonce 0

    @classmethod
    def of(cls, root: int | bytes, *path: str | int) -> Stream:
        """The stream of a path below a root seed or a key."""
        return cls(key_for(root, *path))

    def words(self, n: int) -> NDArray[np.uint64]:
        """The next n words of 64 bits, each of them uniform."""
        self.taken += n
        return np.frombuffer(self._encryptor.update(bytes(8 * n)), dtype="<u8")

    def below(self, limit: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """[n]: True with probability limit / 2^53, exactly."""
        return (self.words(len(limit)) >> np.uint64(64 - FRACTION)) < limit

    def picks(self, many: NDArray[np.int64]) -> NDArray[np.int64]:
        """[n]: a whole number below each of `many`; none is likelier than another by more than many / 2^53."""
        share = (self.words(len(many)) >> np.uint64(64 - FRACTION)).astype(np.float64) / 2.0**FRACTION
        return (share * many).astype(np.int64)


def keystream(key: bytes, n: int, nonce: int = 0) -> NDArray[np.uint64]:
    """Uniform words [n] of a key [32 bytes]. A (key, nonce) serves once: two messages under one keystream tell their difference."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

    # 16 bytes: 8 of the block counter, which begins at 0, and 8 of the nonce
    encryptor = Cipher(ChaCha20(key, bytes(8) + nonce.to_bytes(8, "little")), mode=None).encryptor()
    words: NDArray[np.uint64] = np.frombuffer(encryptor.update(bytes(WORD * n)), dtype="<u8").astype(np.uint64)
    return words
