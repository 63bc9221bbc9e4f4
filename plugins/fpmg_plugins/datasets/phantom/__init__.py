"""The phantom: a simulator of patients with known ground truth, to calibrate and to work offline. It is never called real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
from fpmg_plugins.datasets.phantom.shapes import Shape

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Part

FRESH = 1_000_000_000  # patients of `simulate` are numbered from here, so that they never meet the cohort's own
FIRST = {"train": 0, "held_out": 2 * FRESH, "third": 3 * FRESH}  # and those of a seed
BILLS = ("cheap", "dear")
SPARE = 200  # people more than eight times those who are asked for by what they cost
THIRD_FROM = 600  # training people from which a seed has a third part, a sixth of them: as of split cohorts (evaluation/split.py)
DISEASES = ("asthma", "fibrosis")


class Phantom:
    """Chest patients of `silos` hospitals: a class and a severity drive table, series, text, image and video of one patient.

    Ground truth (latent.py): site k ~ share_k, class y ~ share of the site, severity s | y ~ Beta, extent e = s if diseased
    else s / 3; side, heart rate, age, sex and diabetes. Each modality is a fixed function of these plus noise of its own, so
    modalities are independent given the latents: all association between them runs through e, side, heart rate and age.

    Given its conditions that world is nearly Gaussian: whoever knows means and covariances knows it. The other shapes give every
    patient a point of the plane (shapes.py) on a ring, on two moons or in one of seven modes of 34 to 2 %, which all modalities
    show: two hormones of the table, level, trend and daily phase of the series, the zone that the report names, the place of a
    nodule, the way of a bright spot. The class is told by it and the marker together and, less than before, by severity (there
    e = s). Conditions are then joint: a marker of two modes and fibrosis, which follows marker and class, beside asthma. Which values are missing
    follows the point: the hormones' panel as a whole mostly for u > .3, vital signs for v < -.3, modalities (`absent`) for v > 0.

    patients: people; visits: most records of one person; imbalance: each class is that times as frequent as the one before;
    site_shift: 0 makes all sites alike; missing: rate of empty table cells and unseen series values; absent: rate of records
    that lack a modality (never all of them); image_size, video_size: pixels a side; frames: of a video; seed: world and cohort.
    held_out: 0, or fresh people that every seed holds out, besides `patients` of its own to train on (`fresh`); withhold: nobody
    who trains has asthma and fibrosis both, held-out people may. Attacks then see that difference too: it is no leak.
    proxy: above 0 the label is cheap or dear, what care cost in the place of illness, which `severity` still is: women as ill as men cost less,
    at 1 as much less as .3 of severity.
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
        shape: Shape = "gaussian",
        held_out: Annotated[int, Ge(0)] = 0,
        withhold: bool = False,
        proxy: Annotated[float, Ge(0), Le(1)] = 0.0,
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
        self.shape = shape
        self.held_out = held_out
        self.withhold = withhold
        self.proxy = proxy

    def fingerprint(self) -> str:
        """Digest of the parameters and of the simulator's source."""
        sources = keys.source_hash(*sorted(Path(__file__).parent.glob("*.py")))
        return keys.digest({"phantom": vars(self), "source": sources})

    def load(self) -> Cohort:
        """The cohort of `seed`: always the same patients."""
        if self.withhold and (self.shape == "gaussian" or not self.held_out):
            raise DatasetError(
                f"phantom: shape {self.shape} with {self.held_out} fresh held-out people has no two diseases to withhold",
                "choose another shape and held_out: 5000, or leave withhold out",
            )
        rng = np.random.default_rng(keys.seed_for(self.seed, "phantom", "cohort"))
        return self._cohort(self.world(apart=self.withhold).draw(rng, self.patients, self.visits), rng)

    def fresh(self, seed: int, part: Part) -> Cohort | None:
        """People of one trial seed, of the hospitals of `seed`; None where this part is split from `load`, or there is none."""
        third = self.patients // 6 if self.patients >= THIRD_FROM else 0
        people = {"train": self.patients, "held_out": self.held_out, "third": third}[part] if self.held_out else 0
        if not people:
            return None
        draws = np.random.default_rng(keys.seed_for(self.seed, "phantom", "fresh", part, seed))
        world = self.world(apart=self.withhold and part == "train")
        return self._cohort(world.draw(draws, people, self.visits, first=FIRST[part]), draws)

    def simulate(
        self, patients: int, rng: torch.Generator | int, labels: Sequence[int] | NDArray[np.int64] | None = None
    ) -> Cohort:
        """Fresh patients of the same hospitals. labels [patients]: their classes (sites follow); None: as in the world."""
        draws = np.random.default_rng(_seed(rng))
        if self.proxy and labels is not None:
            return self._cohort(self._as_billed(patients, np.asarray(labels, np.int64), draws), draws)
        return self._cohort(self.world().draw(draws, patients, self.visits, labels, first=FRESH), draws)

    def _as_billed(self, patients: int, labels: NDArray[np.int64], draws: np.random.Generator) -> Records:
        """Records with these labels [patients], which follow from the patients: the first of many people who have them."""
        if labels.shape != (patients,) or set(labels.tolist()) - {0, 1}:
            raise DatasetError(f"phantom: labels must be {patients} class indices below 2")
        many = self.world().draw(draws, SPARE + 8 * patients, 1, first=FRESH)
        found = [np.flatnonzero(many.label == c) for c in (0, 1)]
        rows = np.zeros(patients, np.intp)
        for c, of in enumerate(found):
            rows[labels == c] = of[: int((labels == c).sum())]
        return many.take(rows)

    def world(self, *, apart: bool = False) -> World:
        """The hospitals and their shifts, fixed by `seed`. apart: nobody has asthma and fibrosis both."""
        seed = keys.seed_for(self.seed, "phantom", "world")
        made = World.make(self.silos, self.classes, self.imbalance, self.site_shift, seed)
        return replace(made, shape=self.shape, apart=apart, proxy=self.proxy)

    def _cohort(self, records: Records, rng: np.random.Generator) -> Cohort:
        if self.proxy and self.classes > 2:
            raise DatasetError("phantom: a label of cost has two classes", "write classes: 2, or leave proxy out")
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
            present=self._present(records, streams["absent"]),
            **self._conditions(records),
            patient=records.patient,
            silo=records.silo,
            silo_names=tuple(f"site-{k + 1}" for k in range(self.silos)),
        )

    def _conditions(self, records: Records) -> dict[str, Any]:
        columns = [
            Column("label", "category", BILLS if self.proxy else CLASSES[: self.classes]),
            Column("severity", "number", low=0.0, high=1.0),
            Column("diabetes", "flag"),
        ]
        values = [records.label, records.severity, records.diabetes]
        if records.phenotype is not None:
            columns += [Column("marker", "number", low=0.0, high=1.0), *(Column(name, "flag") for name in DISEASES)]
            values += [getattr(records.phenotype, name) for name in ("marker", *DISEASES)]
        return {"conditions": tuple(columns), "condition": np.column_stack(values).astype(np.float64)}

    def _simulate(self, name: Kind, records: Records, rng: np.random.Generator) -> tuple[Schema, Any]:
        shaped = records.phenotype is not None
        if name == "table":
            return table.schema(shaped), table.simulate(records, rng, self.missing)
        if name == "series":
            return series.schema(), series.simulate(records, rng, self.missing)
        if name == "text":
            return text.schema(shaped), text.simulate(records, rng)
        if name == "image":
            return image.schema(self.image_size), image.simulate(records, rng, self.image_size)
        return video.schema(self.frames, self.video_size), video.simulate(records, rng, self.frames, self.video_size)

    def _present(self, records: Records, rng: np.random.Generator) -> dict[str, NDArray[np.bool_]]:
        rate = self.absent if records.phenotype is None else self.absent * np.where(records.phenotype.v > 0, 1.5, 0.5)[:, None]
        masks = rng.random((len(records), len(KINDS))) >= rate
        columns = [KINDS.index(name) for name in self.modalities]
        empty = ~masks[:, columns].any(axis=1)
        masks[empty, columns[0]] = True
        return {name: masks[:, KINDS.index(name)].copy() for name in self.modalities}


def _seed(rng: torch.Generator | int) -> int:
    if isinstance(rng, int):
        return rng
    import torch

    return int(torch.randint(0, 2**62, (), generator=rng))
