"""Shares of a secret (Shamir, 1979): any t of n restore it, t - 1 tell nothing. Byte by byte over GF(256), so a share is as long.

Silo i's share is the value at i + 1 of a polynomial whose constant is the secret. At most 255 silos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from fpmg_bench.errors import PrivacyError

POLYNOMIAL = 0x11B  # x^8 + x^4 + x^3 + x + 1, AES's


def _tables() -> tuple[list[int], list[int]]:
    """Powers of the generator 3, twice around, and logarithms."""
    powers, logs, value = [0] * 510, [0] * 256, 1
    for exponent in range(255):
        powers[exponent] = powers[exponent + 255] = value
        logs[value] = exponent
        value ^= (value << 1) ^ (POLYNOMIAL if value & 0x80 else 0)
    return powers, logs


_POWERS, _LOGS = _tables()


def _times(a: int, b: int) -> int:
    return _POWERS[_LOGS[a] + _LOGS[b]] if a and b else 0


def split(secret: bytes, silos: Iterable[int], least: int, random: Callable[[int], bytes]) -> dict[int, bytes]:
    """silo -> its share. least: how many restore the secret; random(n): n uniform bytes, from the system or a seed's keystream."""
    shares = {silo: bytearray(len(secret)) for silo in silos}
    if not 1 < least <= len(shares) or max(shares) > 254:
        raise PrivacyError(
            f"shares for silos {sorted(shares)}, any {least} of which restore a secret: want 2 to n, of at most 255"
        )
    drawn = random(len(secret) * (least - 1))
    for at, constant in enumerate(secret):
        coefficients = [constant, *drawn[at * (least - 1) : (at + 1) * (least - 1)]]
        for silo, share in shares.items():
            value = 0
            for coefficient in reversed(coefficients):
                value = _times(value, silo + 1) ^ coefficient
            share[at] = value
    return {silo: bytes(share) for silo, share in shares.items()}


def restored(shares: Mapping[int, bytes], least: int) -> bytes:
    """The secret, by Lagrange interpolation at 0. PrivacyError where there are fewer than `least` shares."""
    if len(shares) < least:
        raise PrivacyError(
            f"{len(shares)} shares are left, {least} restore a secret", "fewer silos may fail than were allowed for"
        )
    used = dict(sorted(shares.items())[:least])
    factors = {}
    for silo in used:
        exponent = sum(_LOGS[other + 1] - _LOGS[(other + 1) ^ (silo + 1)] for other in used if other != silo)
        factors[silo] = _POWERS[exponent % 255]
    length = len(next(iter(used.values())))
    found = bytearray(length)
    for at in range(length):
        for silo, share in used.items():
            found[at] ^= _times(factors[silo], share[at])
    return bytes(found)
