"""State files of a trial: checkpoints, trained states, and stage 1, which trials share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import StoreError
from fpmg_bench.store.atomic import plain, whole_folder, write_bytes, write_json
from fpmg_bench.store.reading import Damaged, read_bytes, read_json
from fpmg_bench.store.shapes import STAGE1
from fpmg_bench.store.tensors import pack, unpack

if TYPE_CHECKING:
    from fpmg_bench.types import State


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a stage stood after `round`. states: silo -> State; memories: any tree of tensors; extra: JSON."""

    round: int
    states: Mapping[int, State]
    memories: Mapping[Any, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage1:
    """Trained encoders of every silo, {silo: {modality: State}}, their round records, and what else the trial wants back."""

    states: Mapping[int, Mapping[str, State]]
    rounds: tuple[Mapping[str, Any], ...]
    extra: Mapping[str, Any] = field(default_factory=dict)


def read_state(path: Path) -> tuple[dict[Any, Any], dict[str, Any]] | Damaged | None:
    """Tree and note of a state file; None where there is none."""
    data = read_bytes(path)
    if not isinstance(data, bytes):
        return data
    try:
        return unpack(data)
    except StoreError as error:
        return Damaged(path, error.message)


def write_state(path: Path, tree: Mapping[Any, Any], note: Mapping[str, Any]) -> None:
    """Replace a state file."""
    write_bytes(path, pack(tree, plain(note)))


def save_stage1(folder: Path, stage1: Stage1, preimage: Mapping[str, Any]) -> None:
    """Write the whole folder at once. Where another trial was first, its folder stays: the same key means the same bits."""
    with whole_folder(folder) as beside:
        write_state(beside / "state.safetensors", stage1.states, {"key": folder.name})
        write_json(beside / "key.json", preimage)
        write_json(beside / "stage1.json", {"key": folder.name, "rounds": list(stage1.rounds), "extra": stage1.extra})


def load_stage1(folder: Path) -> Stage1 | Damaged | None:
    """The shared stage 1; None where there is none."""
    if not folder.exists():
        return None
    found, state = read_json(folder / "stage1.json", STAGE1), read_state(folder / "state.safetensors")
    for name, said in (("stage1.json", found), ("state.safetensors", state and state[1])):
        if said and said.get("key", folder.name) != folder.name:
            return Damaged(folder / name, "is of another stage 1")
    if found and state:
        return Stage1(state[0], tuple(found["rounds"]), found["extra"])
    name = "stage1.json" if not found else "state.safetensors"
    damage = found if not found else state
    return damage if isinstance(damage, Damaged) else Damaged(folder / name, "is lost")
