"""What ranks send each other is sealed with the run's key; a stranger is refused and told, and the store listens on loopback only."""

from __future__ import annotations

import socket

import pytest
import torch
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from fpmg_bench.errors import PlumbingError, SuiteError
from fpmg_bench.keys import key_for
from fpmg_bench.runner import rank
from fpmg_bench.runner.wire import Wire
from fpmg_bench.transport.channel import RUN_KEY, SEAL, Channel, SealedStore, listening, loopback
from fpmg_bench.transport.message import Awaited, Message
from fpmg_bench.transport.rendezvous import Rendezvous, connect
from fpmg_bench.transport.wire import HEADER, as_tensor, decode, encode
from fpmg_bench.trial.ranks import Crew

OURS, THEIRS = Channel(bytes(range(32))), Channel(bytes(32))


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Ranks of this process give no signs of life: a rank whose store is gone would end its process."""
    monkeypatch.setattr(Rendezvous, "_live", lambda self, store: None)
    monkeypatch.setattr(Rendezvous, "_guard", lambda self: None)


def test_a_sealed_message_is_chacha20_poly1305_and_28_bytes_longer():
    sealed = OURS.sealed(b"weights", "message", 3)
    assert len(sealed) == 7 + SEAL and b"weights" not in sealed
    cipher = ChaCha20Poly1305(key_for(bytes(range(32)), "channel"))
    assert cipher.decrypt(sealed[:12], sealed[12:], b'["message",3]') == b"weights"
    assert OURS.sealed(b"weights", "message", 3) != sealed  # a nonce of its own


@pytest.mark.parametrize("case", ["other key", "changed", "in another's place", "cut"])
def test_whatever_was_not_sealed_for_this_place_is_refused_and_told(case):
    sealed = (THEIRS if case == "other key" else OURS).sealed(b"weights", "message", 3)
    if case == "changed":
        sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    if case == "cut":
        sealed = sealed[:SEAL]
    with pytest.raises(PlumbingError, match=r"refused, message \d: not sealed with this run's key. A stranger sent it"):
        OURS.opened(sealed, "message", 4 if case == "in another's place" else 3)


def test_a_model_message_survives_sealing():
    message = Message(0, 1, 0, {"float32": torch.arange(5.0)}, 12.0)
    sealed = OURS.sealed(encode(message, "s", 2, 0).numpy().tobytes(), "a")
    assert len(sealed) == HEADER.size + 20 + SEAL
    found = decode(as_tensor(OURS.opened(sealed, "a")), Awaited(0, 1, {"float32": 5}), "s", 2, 0)
    assert torch.equal(found.payload["float32"], torch.arange(5.0)) and found.mass == 12.0


def test_ranks_of_one_key_meet_and_nobody_else_reads_what_they_tell():
    store = connect("127.0.0.1", 0, serve=True)
    first = Rendezvous("127.0.0.1", store.port, 0, 0, "north", channel=OURS)
    second = Rendezvous("127.0.0.1", store.port, 1, 1, "south", channel=OURS)
    assert first.session == second.session
    first.put("word", {"patients": 41})
    assert second.read("word") == '{"patients": 41}'
    assert b"41" not in store.get("word") and b"north" not in store.get("rank/0")


def test_a_stranger_at_the_store_is_refused_and_told():
    store = connect("127.0.0.1", 0, serve=True)
    first = Rendezvous("127.0.0.1", store.port, 0, 0, "north", channel=OURS)
    with pytest.raises(PlumbingError, match="refused, value session: not sealed with this run's key"):
        Rendezvous("127.0.0.1", store.port, 1, 1, "stranger", channel=THEIRS)
    for planted in ('{"patients": 9}', "AAAA", store.get("rank/0")):  # in the clear, garbage, and another value's seal
        store.set("planted", planted)
        with pytest.raises(PlumbingError, match="refused, value planted"):
            first.read("planted")


def test_the_first_word_stays_under_a_seal():
    sealed = SealedStore(connect("127.0.0.1", 0, serve=True), OURS)
    assert [sealed.compare_set("key", "", word) for word in ("one", "two")] == [b"one", b"one"]
    assert sealed.add("count", 2) == 2 and sealed.check(["key"]) and not sealed.check(["other"])


def test_the_store_listens_where_it_is_told_and_nowhere_else():
    with listening("127.0.0.1", 0) as made:
        assert made.getsockname()[0] == "127.0.0.1"
    store = connect("127.0.0.1", 0, serve=True)
    elsewhere = socket.socket()
    with elsewhere:
        elsewhere.bind(("127.0.0.2", store.port))  # a store on all interfaces would have this address too
    assert [loopback(host) for host in ("127.0.0.1", "localhost", "::1", "10.77.0.1", "host-a")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_between_hosts_a_key_is_a_must(monkeypatch):
    monkeypatch.delenv(RUN_KEY, raising=False)
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "10.77.0.1", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SuiteError, match=f"ranks meet at 10.77.0.1, and nothing protects .* {RUN_KEY} is not set"):
        rank._joined(Crew({0: "north", 1: "south"}), Wire("gloo"), [])


@pytest.mark.parametrize("word", ["abc", "zz" * 32, "ab" * 31])
def test_what_is_no_key_is_refused(monkeypatch, word):
    monkeypatch.setenv(RUN_KEY, word)
    with pytest.raises(PlumbingError, match=f"{RUN_KEY} is not 64 hexadecimal digits"):
        Channel.of_environment()
    monkeypatch.setenv(RUN_KEY, "")
    assert Channel.of_environment() is None
