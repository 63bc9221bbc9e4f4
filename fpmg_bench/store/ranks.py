"""What the ranks of one trial leave in its folder, `ranks/`: a file a round and rank, and one a rank at its end."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.store.artefacts import read_state, write_state
from fpmg_bench.store.keyfile import KeyFile

if TYPE_CHECKING:
    from fpmg_bench.types import State

Part = tuple[Mapping[str, Any], Mapping[str, Any]]


@dataclass(slots=True)
class RankFolder:
    """session: the same for all ranks that trained together."""

    folder: Path

    def clear(self) -> None:
        """Forget all that earlier ranks left."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def write_part(self, node: int, number: int, part: Part) -> None:
        """A rank's own view of its `number`-th round."""
        write_state(self._part(node, number), *part)

    def parts(self, nodes: Sequence[int], number: int, gone: Collection[int] = ()) -> dict[int, Part] | None:
        """All ranks' views of a round; None as long as one is missing. gone: those that died, of which none may be there."""
        nodes = [node for node in nodes if node not in gone or self._part(node, number).is_file()]
        if not all(self._part(node, number).is_file() for node in nodes):
            return None
        found = {node: read_state(self._part(node, number)) for node in nodes}
        whole: dict[int, Part] = {node: part for node, part in found.items() if part}
        return whole if len(whole) == len(found) else None

    def drop(self, nodes: Sequence[int], number: int) -> None:
        """The round is in rounds.jsonl."""
        for node in nodes:
            self._part(node, number).unlink(missing_ok=True)

    def write_model(self, node: int, states: Mapping[Any, Any], note: Mapping[str, Any]) -> None:
        """A rank's released model (none of a server), the last thing that it writes."""
        write_state(self._model(node), states, note)

    def models(self, nodes: Sequence[int], key: str) -> dict[int, Part] | None:
        """node -> model and note; None unless all are there but those that died, of this trial and of one session."""
        read = {node: read_state(self._model(node)) for node in nodes}
        found = {node: part for node, part in read.items() if part}
        gone = {int(silo) for _, note in found.values() for silo in note["extra"]["transport"]["gone"]}
        sessions = {(note["key"], note["session"]) for _, note in found.values()}
        whole = {key} == {key for key, _ in sessions} and len(sessions) == 1 and set(nodes) - gone <= found.keys()
        return {node: part for node, part in found.items() if node not in gone} if whole else None

    def _part(self, node: int, number: int) -> Path:
        return self.folder / f"round-{number:05d}.{node}.safetensors"

    def _model(self, node: int) -> Path:
        return self.folder / f"model.{node}.safetensors"


@dataclass(slots=True)
class RankSink:
    """A rank's sink: nothing is shared, nothing is resumed. view: a round's record and state -> the part to be left."""

    folder: RankFolder
    node: int
    head: Mapping[str, Any]
    view: Callable[[Any, Any], Part]
    rounds: list[Mapping[str, Any]] = field(default_factory=list)
    trained_extra: Mapping[str, Any] = field(default_factory=dict)

    def part(self, record: dict[str, Any], now: Any) -> None:
        """Leave what this rank saw of the round."""
        self.folder.write_part(self.node, len(self.rounds), self.view(record, now))

    def round(self, record: Mapping[str, Any]) -> None:
        self.rounds.append(record)

    def event(self, record: Mapping[str, Any]) -> None:
        """The process that collects tells the stages."""

    def load_stage1(self) -> None:
        """Ranks train their own."""

    def save_stage1(self, states: Mapping[int, Mapping[str, State]], extra: Mapping[str, Any]) -> None:
        """Only whole trials share their stage 1."""

    def checkpoint(self, *point: Any) -> bool:
        return False

    @property
    def noise(self) -> KeyFile:
        """Of this rank: should all start again, it sends what it sent."""
        return KeyFile(self.folder.folder / f"noise.{self.node}.json", self.head["key"])

    def restore(self, stage: str) -> None:
        """Ranks start at the beginning."""

    def trained(self) -> None:
        """Whoever collects looks for finished models."""

    def save_trained(self, states: Mapping[Any, Any], extra: Mapping[str, Any] | None = None) -> None:
        """The rank's last word."""
        self.folder.write_model(self.node, states, {**self.head, "rounds": len(self.rounds), "extra": extra or {}})
