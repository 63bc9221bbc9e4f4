"""Where cohorts come from: the Protocol of datasets, and what they say of themselves. Plug-ins take it from `contracts`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from fpmg_bench.types import Cohort

Part = Literal["train", "held_out", "third"]  # of a seed's patients, where each seed has patients of its own


@dataclass(frozen=True, slots=True)
class About:
    """What can be said of a cohort without reading it; `fpmg-bench list dataset` shows it.

    task: the label and its classes; silos: what they are; real, derived: modality -> "kind: words", as recorded from patients,
    or made from what was recorded (or simulated); leaks: modalities that contain the label by construction; traps: what a user
    should know before using it; access: how its files come to a machine.
    """

    task: str
    silos: str = ""
    real: Mapping[str, str] = field(default_factory=dict)
    derived: Mapping[str, str] = field(default_factory=dict)
    leaks: frozenset[str] = frozenset()
    traps: tuple[str, ...] = ()
    access: str = ""


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a cohort's files are published.

    base: address that file names are appended to; files: name -> its known hash ("sha256:..." or "md5:...", "" where none is
    published); sums: name of a file beside them that lists sha256 sums, as PhysioNet's SHA256SUMS.txt; terms: address of the
    licence; size: in words, for who is asked to download it.
    """

    base: str
    files: Mapping[str, str]
    sums: str = ""
    terms: str = ""
    size: str = ""


class Dataset(Protocol):
    """Where a cohort comes from.

    Optional: `about: About` and `citation: str`, what `list` tells before loading; `available() -> bool`, cheap.
    Optional: `unread() -> Sequence[cohorts.losses.Loss]`, what `data check` tells beside `Cohort.dropped`: files, columns.
    A dataset that `data fetch` can get has `remote: Remote`, `name: str` (its folder), a parameter `root`, and
    `convert(downloads: Path, folder: Path) -> Mapping[str, int]`: it writes the files that it loads with `root=folder`
    (cohort.yaml, manifest, media) and returns what it left out, counted by reason.
    One that simulates may have a parameter `held_out: int` and `fresh(seed: int, part: Part) -> Cohort | None`. Where `held_out` is
    above 0 every seed of a suite trains on `fresh(seed, "train")`, as many people as `load` gives, and is judged on
    `fresh(seed, "held_out")`, that many others; "third" is a third real set for attacks, or None. No two parts share a patient
    (by number), nobody is in two seeds, silos and schemas are those of `load`, whose cohort is then only planned with. Seeds
    are independent for that reason, and compared by a plain paired test. Where `held_out` is 0 `fresh` gives None.
    """

    licence: ClassVar[str]
    publishable: ClassVar[bool]

    def fingerprint(self) -> str:
        """Cheap identity of the content; enters the keys."""
        ...

    def load(self) -> Cohort:
        """All records with a known label; what was left out is counted in `Cohort.dropped`."""
        ...
