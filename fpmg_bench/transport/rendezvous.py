"""Where ranks meet: a TCPStore with small JSON values (who holds what, who is alive, who was lost). Models never go there."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from fpmg_bench.errors import ExitCode, PlumbingError, SiloLost
from fpmg_bench.transport.channel import Channel, SealedStore, listening
from fpmg_bench.transport.watch import SILENT, Beats, blamed

TCPStore = Any  # torch's stubs export neither stores nor process groups
BEAT = 0.2  # seconds between signs of life, and between looks for who was lost
CUT_OFF = 30.0  # seconds without an answer of the store after which a rank ends itself
LOADING = 600.0  # seconds that ranks may differ by while they read their cohort
POLL = 0.02
TELL = 1.0  # seconds of waiting after which a rank tells whom it waits for


def distributed() -> Any:
    """torch.distributed."""
    import torch.distributed

    return torch.distributed


def connect(
    host: str, port: int, *, serve: bool = False, seconds: float = LOADING, channel: Channel | None = None
) -> TCPStore | SealedStore:
    """A client of the store; with `serve` the store itself (port 0: any free one), which listens at this host's address only.

    channel: seals all values.
    """
    how: dict[str, Any] = {"wait_for_workers": False, "timeout": timedelta(seconds=seconds)}
    if serve:
        made = listening(host, port)
        port = made.getsockname()[1]
        how |= {"master_listen_fd": made.detach()}  # the store closes it
    store = distributed().TCPStore(host, port, is_master=serve, **how)
    return store if channel is None else SealedStore(store, channel)


def lost(store: TCPStore, generation: int) -> dict[str, Any] | None:
    """Who was lost in this generation of the group, as the first who saw it wrote it down."""
    key = f"lost/{generation}"
    return json.loads(store.get(key)) if store.check([key]) else None


def declare(store: TCPStore, generation: int, node: int, why: str, *, dead: bool = True) -> dict[str, Any]:
    """Write down who is lost; whoever was first is right. dead False: the rank itself ended with an error."""
    entry = {"node": node, "why": why, "dead": dead, "place": place(store, node)} | reported(store, node)
    found: dict[str, Any] = json.loads(store.compare_set(f"lost/{generation}", "", json.dumps(entry)))
    return found


def silent(store: TCPStore, generation: int, beats: Beats, nodes: Sequence[int]) -> dict[str, Any] | None:
    """Listen for signs of life; the entry about a node that has given none for too long."""
    beats.listen(store, nodes)
    node = beats.silent(nodes)
    return None if node is None else declare(store, generation, node, f"no sign of life for {SILENT:g} s")


def reported(store: TCPStore, node: int) -> dict[str, Any]:
    """name, rank, pid and host of a rank as it introduced itself; {} before it did."""
    found: dict[str, Any] = json.loads(store.get(f"rank/{node}")) if store.check([f"rank/{node}"]) else {}
    return found


def place(store: TCPStore, node: int) -> str:
    """Stage and round that a rank was last in."""
    return store.get(f"place/{node}").decode() if store.check([f"place/{node}"]) else "start"


def error(entry: Mapping[str, Any]) -> SiloLost:
    """The exception that all ranks and the parent raise for one lost rank."""
    known: dict[str, Any] = {key: entry.get(key) for key in ("node", "why", "dead", "place", "name", "rank", "pid")}
    return SiloLost(**known)


class Rendezvous:
    """One rank's view of the store. name: of its silo; a thread of its own tells that it lives and looks for who was lost.

    channel: seals what it writes, and what ranks send each other.
    """

    def __init__(
        self, host: str, port: int, node: int, rank: int, name: str, *, serve: bool = False, channel: Channel | None = None
    ) -> None:
        self.node = node
        self.generation = 0
        self.bytes = 0  # of JSON, written by this rank
        self.channel = channel
        self.store = connect(host, port, serve=serve, channel=channel)
        self.put(f"rank/{node}", {"name": name, "rank": rank, "pid": os.getpid(), "host": socket.gethostname()})
        self.session = self._session()
        self.found: dict[str, Any] | None = None
        self.reported: list[int] = []  # whom this rank waits for
        self.members: Sequence[int] = ()  # whose signs of life are watched
        self.beats = Beats()
        self.answered = time.monotonic()
        beats = connect(self.store.host, self.store.port, channel=channel)  # a client serves one thread at a time
        threading.Thread(target=self._live, args=(beats,), daemon=True).start()
        threading.Thread(target=self._guard, daemon=True).start()

    def _session(self) -> str:
        """One word for all ranks that meet at this store."""
        import secrets

        return self.once("session", secrets.token_hex(8))

    def put(self, key: str, value: Any) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        self.bytes += len(text)
        self.store.set(key, text)

    def read(self, key: str) -> str | None:
        """The word under a key; None as long as there is none."""
        return self.store.get(key).decode() if self.store.check([key]) else None

    def once(self, key: str, word: str) -> str:
        """The word that was written first."""
        return str(self.store.compare_set(key, "", word).decode())

    def lost(self) -> SiloLost:
        """The error about who was lost in this generation; somebody has written that down."""
        self.found = lost(self.store, self.generation)
        assert self.found is not None
        return error(self.found)

    def renew(self) -> None:
        """The next generation of the group: nobody of it is lost yet."""
        self.generation, self.found = self.generation + 1, None

    def look(self) -> None:
        """Raise SiloLost if somebody was lost."""
        if self.found is not None:
            raise error(self.found)

    def declare(self, node: int, why: str, *, dead: bool = True) -> SiloLost:
        """Name the lost rank; the error is about whoever was named first."""
        self.found = declare(self.store, self.generation, node, why, dead=dead)
        return error(self.found)

    def gather(self, what: str, local: Mapping[int, Any], awaited: Sequence[int], seconds: float) -> dict[int, Any]:
        """Everybody's JSON under one name; a node that has told nothing after `seconds` is lost."""
        for node, value in local.items():
            self.put(f"{self.generation}/{what}/{node}", value)
        keys = {node: f"{self.generation}/{what}/{node}" for node in awaited}
        began = time.monotonic()
        while missing := [node for node, key in keys.items() if not self.store.check([key])]:
            self.look()
            waited = time.monotonic() - began
            if waited >= seconds:
                raise self.declare(self.culprit(missing), f"it told nothing about {what} within {seconds:g} s")
            if waited > TELL:
                self.waits(missing)
            time.sleep(POLL)
        self.waits([])
        return {node: json.loads(self.store.get(key)) for node, key in keys.items()}

    def waits(self, nodes: Sequence[int]) -> None:
        """Tell whom this rank is waiting for, so that a late one is named and not those who wait for it in turn."""
        if list(nodes) != self.reported:
            self.reported = list(nodes)
            self.put(f"waits/{self.node}", self.reported)

    def culprit(self, late: Sequence[int]) -> int:
        """Who keeps this rank waiting for the late ones: one of them, or whoever keeps them waiting."""
        return blamed(late, lambda node: json.loads(self.read(f"waits/{node}") or "[]"), self.beats.unheard(), self.node)

    def _live(self, store: TCPStore) -> None:
        """Runs in a thread until the process or the store ends."""
        try:
            while True:
                store.add(f"beat/{self.node}", 1)
                self.answered = time.monotonic()
                generation = self.generation
                found = lost(store, generation) or self._silent(store)
                if found is not None and generation == self.generation:
                    self.found = found
                time.sleep(BEAT)
        except PlumbingError as refused:  # somebody else wrote there
            self.found = {"node": None, "why": str(refused), "dead": True}
        except RuntimeError as failed:  # the store is gone, and with it whoever hosted it
            self.found = {"node": None, "why": f"the store that ranks meet at is gone: {failed}"[:200], "dead": True}

    def _guard(self) -> None:
        """A call to a store that a cut cable hides never returns, in any thread: then this rank has nobody to tell, and ends."""
        while time.monotonic() - self.answered < CUT_OFF:
            time.sleep(1.0)
        sys.stderr.write(f"node {self.node}: the store that ranks meet at has not answered for {CUT_OFF:g} s\n")
        sys.stderr.flush()
        os._exit(ExitCode.SOME_FAILED)

    def _silent(self, store: TCPStore) -> dict[str, Any] | None:
        return silent(store, self.generation, self.beats, self.members)
