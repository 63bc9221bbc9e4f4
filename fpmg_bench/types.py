"""The frozen values that flow through a trial. No torch, numpy or pandas is imported here at run time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    Rows = NDArray[np.intp] | NDArray[np.bool_]
    State = dict[str, Tensor]
    Rng = torch.Generator

Kind = Literal["table", "series", "text", "image", "video"]
KINDS: tuple[Kind, ...] = ("table", "series", "text", "image", "video")
Task = Literal["class", "number", "event", "none"]
Way = Literal["merge", "mean", "relay"]  # how a module travels
TARGET = 1  # position of the condition that a label stands for: its number, or the time of its event
SERVER = -1
OWN_SPACE = "not comparable between encoders"  # in the source of a score that is taken in a method's own vectors


@dataclass(frozen=True, slots=True)
class Column:
    """One table column, series channel or condition, declared by the dataset and public.

    `low`, `high`: range of a number; `step`: its rounding (1.0 for whole numbers); `unit`: for who reads it, "mmHg".
    Of a label that stands for the condition after it, `stands_for`: a "number" between whose public `cuts` its categories lie, or
    the "event" at that time (1), or none until then (0, censored).
    """

    name: str
    type: Literal["number", "category", "flag"]
    categories: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float | None = None
    unit: str = ""
    stands_for: Literal["", "number", "event"] = ""
    cuts: tuple[float, ...] = ()

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Column:
        """The reverse of `asdict`, also after a trip through JSON text."""
        return cls(**{**entry, "categories": tuple(entry["categories"]), "cuts": tuple(entry.get("cuts", ()))})

    @property
    def width(self) -> int:
        """Columns of the one-hot form: one a category, else one."""
        return len(self.categories) if self.type == "category" else 1


@dataclass(frozen=True, slots=True)
class Schema:
    """One modality as the dataset declares it; never learnt from rows.

    shape: series (steps,), text (characters,), image (c, h, w), video (t, c, h, w); empty for a table. nothing: what a text says
    that has nothing to say, in the cohort's own words ("o.B."); "" where nobody declares it.
    """

    kind: Kind
    columns: tuple[Column, ...] = ()
    shape: tuple[int, ...] = ()
    nothing: str = ""

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Schema:
        """The reverse of `asdict`, also after a trip through JSON text."""
        columns = tuple(Column.from_json(column) for column in entry["columns"])
        return cls(entry["kind"], columns, tuple(entry["shape"]), entry.get("nothing", ""))


class ModalityData(Protocol):
    """n records of one modality."""

    def __len__(self) -> int: ...
    def take(self, rows: Rows) -> Self: ...


@dataclass(frozen=True, slots=True, repr=False)  # whose repr would print patients
class Table:
    """`frame` has exactly the schema's columns: float64 numbers and flags, `object` strings for categories, NaN missing."""

    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: Rows) -> Table:
        return Table(self.frame.iloc[_positions(rows)].reset_index(drop=True))


@dataclass(frozen=True, slots=True, repr=False)  # whose repr would print patients
class Series:
    """Irregular multivariate series: time [n, t] float32, values [n, t, c] float32, seen [n, t, c] bool. Unseen values are 0."""

    time: NDArray[np.float32]
    values: NDArray[np.float32]
    seen: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: Rows) -> Series:
        return Series(self.time[rows], self.values[rows], self.seen[rows])


@dataclass(frozen=True, slots=True, repr=False)  # whose repr would print patients
class Text:
    """n strings."""

    strings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.strings)

    def take(self, rows: Rows) -> Text:
        return Text(tuple(self.strings[i] for i in _positions(rows)))


@dataclass(frozen=True, slots=True, repr=False)  # whose repr would print patients
class Pixels:
    """Images [n, c, h, w] or videos [n, t, c, h, w], uint8, read when asked for.

    `read(rows)` gives the arrays of absolute rows; `rows` are the absolute rows this object stands for.
    """

    read: Callable[[NDArray[np.intp]], NDArray[np.uint8]]
    rows: NDArray[np.intp]

    @classmethod
    def of(cls, array: NDArray[np.uint8]) -> Pixels:
        """Pixels that are in memory already."""
        import numpy as np

        return cls(array.__getitem__, np.arange(len(array)))

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: Rows) -> Pixels:
        return Pixels(self.read, self.rows[rows])

    def array(self) -> NDArray[np.uint8]:
        """All of them, uint8."""
        return self.read(self.rows)


def _positions(rows: Rows) -> NDArray[np.intp]:
    import numpy as np

    chosen: Any = np.asarray(rows)
    positions: NDArray[np.intp] = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.intp)
    return positions


@dataclass(frozen=True, slots=True)
class Cohort:
    """n records of several modalities of patients in silos.

    Where `present[m][i]` is False the i-th row of `data[m]` holds no information and must not be read.
    condition [n, c] float64 holds, column by column of `conditions`, a class index, a flag 0/1 or a number; NaN unknown.
    The first condition is the label: a category or a flag, known for every record. Where patients are told apart by a number or the
    time of an event, the second one holds it, known too, and the label is its stratum or the event (`Column.stands_for`); a category
    of one class is no label.
    `silo_names` empty: no natural silos. `leaks`: modalities that contain the label by construction.
    `dropped`: reason -> what the dataset left out: records, cells, columns. drafted: ranges and categories were read from these patients, and nobody has
    confirmed them: an epsilon does not cover what they tell.
    """

    schemas: Mapping[str, Schema]
    data: Mapping[str, Any]
    present: Mapping[str, NDArray[np.bool_]]
    conditions: tuple[Column, ...]
    condition: NDArray[np.float64]
    patient: NDArray[np.int64]
    silo: NDArray[np.int64]
    silo_names: tuple[str, ...] = ()
    leaks: frozenset[str] = frozenset()
    dropped: Mapping[str, int] = field(default_factory=dict)
    drafted: bool = False

    def __len__(self) -> int:
        return len(self.patient)

    def __repr__(self) -> str:
        """How many of what; no cell of a patient, wherever it is printed."""
        kinds = ", ".join(f"{name} ({schema.kind})" for name, schema in self.schemas.items())
        return f"<Cohort of {len(self)} records of {len(set(self.patient.tolist()))} patients: {kinds}>"

    @property
    def label(self) -> NDArray[np.int64]:
        """Class index of every record."""
        label: NDArray[np.int64] = self.condition[:, 0].astype("int64")
        return label

    @property
    def task(self) -> Task:
        """What there is to predict: the label's class, the number or the time of the event that it stands for, or nothing."""
        return task_of(self.conditions)

    @property
    def target(self) -> NDArray[np.float64]:
        """The number, or the time, that the label stands for [n]."""
        return self.condition[:, TARGET]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the label's classes."""
        column = self.conditions[0]
        return column.categories if column.type == "category" else ("0", "1")

    def take(self, rows: Rows) -> Cohort:
        """The records at these positions, or where the mask is True."""
        return replace(
            self,
            data={name: part.take(rows) for name, part in self.data.items()},
            present={name: mask[rows] for name, mask in self.present.items()},
            condition=self.condition[rows],
            patient=self.patient[rows],
            silo=self.silo[rows],
        )

    def only(self, modalities: tuple[str, ...]) -> Cohort:
        """The same records with fewer modalities."""
        kept: dict[str, Any] = {part: {m: getattr(self, part)[m] for m in modalities} for part in ("schemas", "data", "present")}
        return replace(self, **kept)


def task_of(conditions: tuple[Column, ...]) -> Task:
    """What a cohort with these conditions has to predict."""
    label = conditions[0]
    if label.stands_for:
        return label.stands_for
    return "none" if label.type == "category" and len(label.categories) < 2 else "class"


@dataclass(frozen=True, slots=True)
class Space:
    """What stage 2 learns on: a block of columns of z for each modality, in order, and the conditions."""

    blocks: Mapping[str, slice]
    condition: tuple[Column, ...]

    @property
    def width(self) -> int:
        return max((block.stop for block in self.blocks.values()), default=0)


@dataclass(frozen=True, slots=True, repr=False)
class Representation:
    """z [n, d] float32, present [n, modalities] bool in the order of `space.blocks`, condition [n, c] float32, patient [n]."""

    z: Tensor
    present: Tensor
    condition: Tensor
    patient: Tensor
    space: Space

    def __len__(self) -> int:
        return len(self.z)

    def take(self, rows: Rows) -> Representation:
        import torch

        at = torch.as_tensor(_positions(rows))
        return Representation(self.z[at], self.present[at], self.condition[at], self.patient[at], self.space)


@dataclass(frozen=True, slots=True)
class Charges:
    """Accesses to private rows that a learner declares for a whole run of one silo."""

    private_steps: int = 0
    moments: int = 0
    counts: int = 0


@dataclass(frozen=True, slots=True)
class Moments:
    """Number of patients, mean [d] and second moment (mean of x x^T [d, d], or of x^2 [d]); float64."""

    n: float
    mean: Tensor
    second: Tensor


@dataclass(frozen=True, slots=True)
class StepLog:
    """Mean loss over the sampled patients (NaN for an empty draw) and their number; `private` steps print no loss."""

    loss: float
    size: int


@dataclass(frozen=True, slots=True)
class Update:
    """What a silo returns after a round of training. A module absent from `state` stays at home."""

    state: State
    weight: float
    losses: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class SiloContext:
    """One silo in one round. memory: its own tensors, never sent; what `statistics` leaves there `train` finds again, and what was
    relayed to it, as "from.<silo>.<module>/<name>".

    lacks: modalities that no patient of the silo has (declared public): modules that only they train are left out of `Update`.
    device: where `train` computes; states, and what the shard's moments and counts give, are on the CPU. silos: all that take
    part, in order.
    """

    silo: int
    round: int
    steps: int
    rng: Rng
    params: Mapping[str, Any] = field(default_factory=dict)
    memory: State = field(default_factory=dict)
    device: str = "cpu"
    schema: Any = None
    lacks: frozenset[str] = frozenset()
    silos: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Transfer:
    """One model message. origin: whose weights after local training travel, None the sender's current ones.

    weight: mixing weight at the receiver, None the number of training patients of the origin.
    """

    src: int
    dst: int
    origin: int | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Transfers that happen at once, after `train` has trained. merge: the aggregator; mean: weighted mean; hold: kept for the next merge.

    masked: under secure aggregation: a server or hub learns the weighted sum of what it gets, which its aggregator merges.
    drops: of masked transfers so many may be lost, and the sum of the others is still found.
    """

    transfers: tuple[Transfer, ...]
    on_arrival: Literal["merge", "mean", "replace", "hold"] = "merge"
    train: tuple[int, ...] = ()
    masked: bool = False
    drops: int = 0


@dataclass(frozen=True, slots=True)
class Scale:
    """How to read a score: its best value, direction, range, unit and the source of its formula."""

    best: float
    higher_is_better: bool | None
    low: float = float("-inf")
    high: float = float("inf")
    unit: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """One measured number. scope: all | silo:NAME | class:NAME | group:NAME | module:NAME; low, high: 95 % interval.

    floor: the same statistic real against real. source: what is said beside this number, after its scale's source.
    """

    key: str
    value: float
    scope: str = "all"
    modality: str | None = None
    round: int | None = None
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    n: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """An extra report panel: HTML-safe body and its alternative text."""

    title: str
    body: str
    alt: str
