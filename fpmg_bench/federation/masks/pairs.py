"""Secrets of pairs of silos: each has an X25519 key pair, and two agree on a secret from their own private and the other's public key.

In one process the private keys are derived from the seed tree, so that a trial repeats: simulated, whoever has the seed has the keys.
Between processes they come from the system's generator. Public keys are not signed: whoever relays them is trusted not to put its own
in their place, unless the channels are authenticated (`transport.channel`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from fpmg_bench.keys import KEY_BYTES, key_for, seed_for

Secrets = Mapping[int, bytes]  # the other silo -> what both know, and nobody else


def simulated_key(seed: int, silo: int) -> bytes:
    """A private key [32 bytes] that a seed tells."""
    return key_for(seed, "x25519", silo)


def private_key() -> bytes:
    """A private key [32 bytes] of the system's generator."""
    import secrets

    return secrets.token_bytes(KEY_BYTES)


def public_key(private: bytes) -> bytes:
    """The public key [32 bytes] of a private one."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def agreed(silo: int, private: bytes, public: Mapping[int, bytes]) -> dict[int, bytes]:
    """The secrets of one silo with all others whose public keys it got."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    own = X25519PrivateKey.from_private_bytes(private)
    others = {other: key for other, key in public.items() if other != silo}
    return {
        other: key_for(own.exchange(X25519PublicKey.from_public_bytes(key)), "pair", *sorted((silo, other)))
        for other, key in others.items()
    }


def simulated(seed: int, stage: str, silos: Iterable[int]) -> Mapping[int, Secrets]:
    """The secrets of all silos in one stage, from the seed tree."""
    return _simulated(seed_for(seed, stage, "keys"), tuple(sorted(silos)))


@lru_cache(maxsize=64)
def _simulated(seed: int, silos: tuple[int, ...]) -> Mapping[int, Secrets]:
    private = {silo: simulated_key(seed, silo) for silo in silos}
    public = {silo: public_key(key) for silo, key in private.items()}
    return {silo: agreed(silo, key, public) for silo, key in private.items()}
