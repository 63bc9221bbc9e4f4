"""The phantom: a simulator of patients with known ground truth, to calibrate and to work offline. It is never called real."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from fpmg_bench import keys
from fpmg_bench.contracts import About
from fpmg_bench.errors import DatasetError
from fpmg_bench.types import KINDS, Cohort, Column, Kind, Schema
from fpmg_plugins.datasets.phantom import image, series, table, text, video
from fpmg_plugins.datasets.phantom.latent import CLASSES, Records, World

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

FRESH = 1_000_000_000  # patients of `simulate` are numbered from here, so that they never meet the cohort's own


class Phantom:
    """Chest patients of `silos` hospitals: a class and a severity drive table, series, text, image and video of one patient.

    Ground truth (latent.py): site k ~ share_k, class y ~ share of the site, severity s | y ~ Beta, extent e = s if diseased
    else s / 3; side, heart rate, age, sex and diabetes. Each modality is a fixed function of these plus noise of its own, so
    modalities are independent given the latents: all association between them runs through e, side, heart rate and age.

    patients: people; visits: most records of one person; imbalance: each class is that times as frequent as the one before;
    site_shift: 0 makes all sites alike; missing: rate of empty table cells and unseen series values; absent: rate of records
    that lack a modality (never all of them); image_size, video_size: pixels a side; frames: of a video; seed: world and cohort.
    """

    licence: ClassVar[str] = "CC0-1.0 (simulated; no patient is behind it)"
    citation: ClassVar[str] = "fpmg-bench phantom simulator"
    publishable: ClassVar[bool] = True
    about: ClassVar[About] = About(
        task="diagnosis: classes of a simulated disease, with its severity",
        silos="simulated hospitals that shift shares and measurements",
        derived={kind: f"{kind}: simulated" for kind in KINDS},
        traps=("nothing of it is real: it calibrates metrics and exercises the program",),
        access="ships with fpmg-bench",
    )

    def __init__(
        self,
        patients: Annotated[int, Ge(2)] = 400,
        silos: Annotated[int, Ge(1)] = 5,
        modalities: tuple[Kind, ...] = KINDS,
        classes: Literal[2, 3] = 2,
        imbalance: Annotated[float, Gt(0), Le(1)] = 0.6,
        visits: Annotated[int, Ge(1)] = 1,
        site_shift: Annotated[float, Ge(0)] = 0.5,
        missing: Annotated[float, Ge(0), Lt(1)] = 0.05,
        absent: Annotated[float, Ge(0), Lt(1)] = 0.0,
        image_size: Annotated[int, Ge(8)] = 32,
        frames: Annotated[int, Ge(2)] = 8,
        video_size: Annotated[int, Ge(8)] = 16,
        seed: int = 0,
    ) -> None:
        self.patients = patients
        self.silos = silos
        self.modalities = modalities
        self.classes = classes
        self.imbalance = imbalance
        self.visits = visits
        self.site_shift = site_shift
        self.missing = missing
        self.absent = absent
        self.image_size = image_size
        self.frames = frames
        self.video_size = video_size
        self.seed = seed

    def fingerprint(self) -> str:
        """Digest of the parameters and of the simulator's source."""
        sources = keys.source_hash(*sorted(Path(__file__).parent.glob("*.py")))
        return keys.digest({"phantom": vars(self), "source": sources})

    def load(self) -> Cohort:
        """The cohort of `seed`: always the same patients."""
        rng = np.random.default_rng(keys.seed_for(self.seed, "phantom", "cohort"))
        return self._cohort(self.world().draw(rng, self.patients, self.visits), rng)

    def simulate(
        self, patients: int, rng: torch.Generator | int, labels: Sequence[int] | NDArray[np.int64] | None = None
    ) -> Cohort:
        """Fresh patients of the same hospitals. labels [patients]: their classes (sites follow); None: as in the world."""
        draws = np.random.default_rng(_seed(rng))
        return self._cohort(self.world().draw(draws, patients, self.visits, labels, first=FRESH), draws)

    def world(self) -> World:
        """The hospitals and their shifts, fixed by `seed`."""
        return World.make(self.silos, self.classes, self.imbalance, self.site_shift, keys.seed_for(self.seed, "phantom", "world"))

    def _cohort(self, records: Records, rng: np.random.Generator) -> Cohort:
        if not self.modalities or set(self.modalities) - set(KINDS) or len(set(self.modalities)) != len(self.modalities):
            raise DatasetError(
                f"phantom: modalities {list(self.modalities)} cannot be simulated", f"choose some of {', '.join(KINDS)}"
            )
        # One stream a modality, all drawn: asking for fewer modalities changes none of the others' values.
        streams = dict(zip((*KINDS, "absent"), rng.spawn(len(KINDS) + 1), strict=True))
        parts = {name: self._simulate(name, records, streams[name]) for name in self.modalities}
        return Cohort(
            schemas={name: schema for name, (schema, _) in parts.items()},
            data={name: data for name, (_, data) in parts.items()},
            present=self._present(len(records), streams["absent"]),
            conditions=(
                Column("label", "category", CLASSES[: self.classes]),
                Column("severity", "number", low=0.0, high=1.0),
                Column("diabetes", "flag"),
            ),
            condition=np.column_stack([records.label, records.severity, records.diabetes]).astype(np.float64),
            patient=records.patient,
            silo=records.silo,
            silo_names=tuple(f"site-{k + 1}" for k in range(self.silos)),
        )

    def _simulate(self, name: Kind, records: Records, rng: np.random.Generator) -> tuple[Schema, Any]:
        if name == "table":
            return table.schema(), table.simulate(records, rng, self.missing)
        if name == "series":
            return series.schema(), series.simulate(records, rng, self.missing)
        if name == "text":
            return text.schema(), text.simulate(records, rng)
        if name == "image":
            return image.schema(self.image_size), image.simulate(records, rng, self.image_size)
        return video.schema(self.frames, self.video_size), video.simulate(records, rng, self.frames, self.video_size)

    def _present(self, n: int, rng: np.random.Generator) -> dict[str, NDArray[np.bool_]]:
        masks = rng.random((n, len(KINDS))) >= self.absent
        columns = [KINDS.index(name) for name in self.modalities]
        empty = ~masks[:, columns].any(axis=1)
        masks[empty, columns[0]] = True
        return {name: masks[:, KINDS.index(name)].copy() for name in self.modalities}


def _seed(rng: torch.Generator | int) -> int:
    if isinstance(rng, int):
        return rng
    import torch

    return int(torch.randint(0, 2**62, (), generator=rng))
