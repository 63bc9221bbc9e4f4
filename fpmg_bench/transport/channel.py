"""Sealed channels between the processes of a run: encrypted and authenticated by a key that all of them have and nobody else.

The key is in the environment, `FPMG_RUN_KEY`: whoever starts ranks on one host makes one, on several hosts the user sets the same on
each. ChaCha20-Poly1305 (RFC 8439), a random nonce a message; what a message is about (session, sender, receiver, number; or the name
of a value in the store) is authenticated with it, so none can be replayed in another's place. It keeps strangers out, not each other:
ranks share one key.
"""

from __future__ import annotations

import base64
import os
import secrets
import socket
from collections.abc import Sequence
from typing import Any, Self

from fpmg_bench.errors import PlumbingError
from fpmg_bench.keys import KEY_BYTES, canonical, key_for

RUN_KEY = "FPMG_RUN_KEY"
NONCE, TAG = 12, 16
SEAL = NONCE + TAG  # bytes that sealing adds
MAKE = 'python -c "import secrets; print(secrets.token_hex(32))"'


class Channel:
    """Seals and opens with one run's key [32 bytes]."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        self._cipher = ChaCha20Poly1305(key_for(key, "channel"))

    @classmethod
    def of_environment(cls) -> Self | None:
        """By `FPMG_RUN_KEY`; None where it is not set. PlumbingError where it is no key."""
        word = os.environ.get(RUN_KEY, "")
        if not word:
            return None
        try:
            key = bytes.fromhex(word)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise PlumbingError(f"{RUN_KEY} is not {2 * KEY_BYTES} hexadecimal digits", f"{MAKE}, the same on every host")
        return cls(key)

    def sealed(self, data: bytes, *about: str | int) -> bytes:
        """The message for who has the key, 28 bytes longer."""
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._cipher.encrypt(nonce, data, canonical(about).encode())

    def opened(self, data: bytes, *about: str | int) -> bytes:
        """The message; PlumbingError where it was not sealed with this key, for this place."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(data[:NONCE], data[NONCE:], canonical(about).encode())
        except InvalidTag:
            what = " ".join(map(str, about))
            raise PlumbingError(
                f"refused, {what}: not sealed with this run's key. A stranger sent it, or {RUN_KEY} is another there, or it was changed",
                f"the same {RUN_KEY} on every host of a run, and no other run at this address",
            ) from None


class SealedStore:
    """A TCPStore whose values are sealed, each under its name. Counters (`add`) and names stay readable: they say who lives."""

    def __init__(self, raw: Any, channel: Channel) -> None:
        self.raw, self.channel = raw, channel
        self.host, self.port = raw.host, raw.port

    def set(self, key: str, value: str) -> None:
        self.raw.set(key, self._sealed(key, value))

    def get(self, key: str) -> bytes:
        return self._opened(key, self.raw.get(key))

    def check(self, keys: Sequence[str]) -> bool:
        return bool(self.raw.check(list(keys)))

    def add(self, key: str, amount: int) -> int:
        return int(self.raw.add(key, amount))

    def compare_set(self, key: str, expected: str, desired: str) -> bytes:
        """As a TCPStore's, where `expected` is "": the first value stays."""
        if expected:
            raise ValueError(f"{key}: sealed values are compared with nothing but absence")
        return self._opened(key, self.raw.compare_set(key, "", self._sealed(key, desired)))

    def _sealed(self, key: str, value: str) -> str:
        return base64.b64encode(self.channel.sealed(value.encode(), "value", key)).decode()

    def _opened(self, key: str, value: bytes) -> bytes:
        try:
            data = base64.b64decode(value, validate=True)
        except ValueError:
            data = b""
        return self.channel.opened(data.ljust(SEAL, b"\0"), "value", key)


def loopback(host: str) -> bool:
    """Whether a host is this machine itself, as only its own processes reach it."""
    return host in ("localhost", "::1") or host.startswith("127.")


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens at this address only: a TCPStore by itself would listen on all interfaces. port 0: any free one."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = next((row for row in found if row[0] == socket.AF_INET), found[0])
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(address)
    made.listen(4096)
    return made
