"""A keystream: words that nobody tells from uniform ones without the key (ChaCha20, RFC 8439). Keys: `keys.key_for`.

A benchmark's keys come from its seed tree and repeat, a deployment's from the system's generator: the words are as good as the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORD = 8  # bytes


def keystream(key: bytes, n: int, nonce: int = 0) -> NDArray[np.uint64]:
    """Uniform words [n] of a key [32 bytes]. A (key, nonce) serves once: two messages under one keystream tell their difference."""
    import numpy as np
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

    # 16 bytes: 8 of the block counter, which begins at 0, and 8 of the nonce
    encryptor = Cipher(ChaCha20(key, bytes(8) + nonce.to_bytes(8, "little")), mode=None).encryptor()
    words: NDArray[np.uint64] = np.frombuffer(encryptor.update(bytes(WORD * n)), dtype="<u8").astype(np.uint64)
    return words
