"""The hidden cause of everything in the phantom: hospitals, classes, severities. Documented so that truth is known exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets.phantom import shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_plugins.datasets.phantom.shapes import Phenotype, Shape

CLASSES = ("healthy", "pneumonia", "effusion")
SEVERITY = ((1.5, 4.5), (3.0, 2.5), (2.5, 3.0))  # Beta(a, b) of the severity in each class
COST, LESS, CHANCE = 0.45, 0.3, 0.08  # severity at which care is dear, what women cost less at most, standard deviation of chance
EFFECTS = 12  # standard normal effects of a site, used by the modalities as `Records.effect(j)`


@dataclass(frozen=True, slots=True)
class Records:
    """n records with their latents. extent: severity if diseased, a third of it if healthy; side -1 left, +1 right;

    rate: heart beats a minute; site [n, EFFECTS]: the site's effects times `site_shift`; phenotype: None in a Gaussian world.
    billed: the label is what care cost, so that severity alone is the disease.
    """

    patient: NDArray[np.int64]
    silo: NDArray[np.int64]
    label: NDArray[np.int64]
    severity: NDArray[np.float64]
    side: NDArray[np.float64]
    rate: NDArray[np.float64]
    age: NDArray[np.float64]
    female: NDArray[np.bool_]
    diabetes: NDArray[np.bool_]
    site: NDArray[np.float64]
    phenotype: Phenotype | None = None
    billed: bool = False

    def __len__(self) -> int:
        return len(self.patient)

    @property
    def extent(self) -> NDArray[np.float64]:
        """How much disease can be seen, 0 to 1; of a shape the severity, so that the class shows in the phenotype too."""
        if self.phenotype is not None or self.billed:
            return self.severity
        return np.where(self.label > 0, self.severity, self.severity / 3)

    def take(self, rows: NDArray[np.intp]) -> Records:
        """Those of these rows."""
        phenotype = None if self.phenotype is None else self.phenotype.take(rows)
        own = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name not in ("phenotype", "billed")}
        return Records(**own, phenotype=phenotype, billed=self.billed)

    def effect(self, j: int) -> NDArray[np.float64]:
        """The j-th effect of each record's site [n]; standard deviation `site_shift` over sites."""
        return self.site[:, j]


@dataclass(frozen=True, slots=True)
class World:
    """Hospitals: share [k], classes [k, c] (rows sum to 1), effects [k, EFFECTS]; the shape of their patients' phenotypes.

    apart: nobody has asthma and fibrosis both. proxy: above 0 the label is what care cost, see `billed`.
    """

    share: NDArray[np.float64]
    classes: NDArray[np.float64]
    effects: NDArray[np.float64]
    shape: Shape = "gaussian"
    apart: bool = False
    proxy: float = 0.0

    @classmethod
    def make(cls, silos: int, classes: int, imbalance: float, shift: float, seed: int) -> World:
        """share_k proportional to 1 / sqrt(k + 1); class shares imbalance^c, tilted by exp(shift x normal) at each site."""
        rng = np.random.default_rng(seed)
        share = (np.arange(silos) + 1.0) ** -0.5
        tilt = np.exp(shift * rng.standard_normal((silos, classes)))
        mixture = imbalance ** np.arange(classes) * tilt
        effects = shift * rng.standard_normal((silos, EFFECTS))
        return cls(share / share.sum(), mixture / mixture.sum(axis=1, keepdims=True), effects)

    def draw(
        self,
        rng: np.random.Generator,
        patients: int,
        visits: int,
        labels: Sequence[int] | NDArray[np.int64] | None = None,
        first: int = 0,
    ) -> Records:
        """Records of `patients` people numbered from `first`, 1 to `visits` each; where labels are given, sites follow them."""
        silo, label = self._who(rng, patients, labels)
        shape = np.asarray(SEVERITY if self.shape == "gaussian" else shapes.SEVERITY)[label]
        severity = rng.beta(shape[:, 0], shape[:, 1])
        age = np.clip(np.round(rng.normal(54 + 5 * (label > 0), 15)), 18, 95)
        person = {
            "patient": first + np.arange(patients, dtype=np.int64),
            "silo": silo,
            "label": label,
            "severity": severity,
            "side": rng.choice([-1.0, 1.0], patients),
            "rate": np.clip(72 + 25 * (severity - 0.3) + rng.normal(0, 9, patients), 40, 180),
            "age": age,
            "female": rng.random(patients) < 0.5,
            "diabetes": rng.random(patients) < np.clip(0.05 + 0.004 * (age - 18), 0, 1),
            "site": self.effects[silo],
        }
        records = _visits(person, self._phenotype(rng, label), rng, visits)
        return billed(records, self.proxy, rng) if self.proxy else records

    def _phenotype(self, rng: np.random.Generator, label: NDArray[np.int64]) -> Phenotype | None:
        if self.shape == "gaussian":
            return None
        return shapes.draw(self.shape, rng, label, self.classes.shape[1], apart=self.apart)

    def _who(
        self, rng: np.random.Generator, patients: int, labels: Sequence[int] | NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        joint = self.share[:, None] * self.classes
        if labels is None:
            cell = rng.choice(joint.size, patients, p=joint.ravel())
            silo, label = np.divmod(cell, joint.shape[1])
            return silo.astype(np.int64), label.astype(np.int64)
        label = np.asarray(labels, dtype=np.int64)
        if label.shape != (patients,) or (patients and not 0 <= label.min() <= label.max() < joint.shape[1]):
            raise DatasetError(f"phantom: labels must be {patients} class indices below {joint.shape[1]}")
        given = np.cumsum(joint / joint.sum(axis=0), axis=0)  # P(site <= k | label)
        given[-1] = 1.0
        silo = (rng.random(patients)[:, None] >= given.T[label]).sum(axis=1)
        return silo.astype(np.int64), label


def billed(records: Records, proxy: float, rng: np.random.Generator) -> Records:
    """The same patients under another label (Obermeyer et al. 2019): 1 where care was dear. Women as ill as men cost `proxy` times LESS less."""
    cost = records.severity - proxy * LESS * records.female + CHANCE * rng.standard_normal(len(records))
    return replace(records, label=(cost > COST).astype(np.int64), billed=True)


def _visits(person: dict[str, NDArray[Any]], phenotype: Phenotype | None, rng: np.random.Generator, visits: int) -> Records:
    """A person's latents and phenotype stay; severity moves by a normal of .1 between visits."""
    patients = len(person["patient"])
    count = 1 + rng.binomial(visits - 1, 0.5, patients)
    rows = np.repeat(np.arange(patients), count)
    records: dict[str, Any] = {name: values[rows] for name, values in person.items()}
    later = np.concatenate([[False], rows[1:] == rows[:-1]]) if len(rows) else np.zeros(0, bool)
    moved = records["severity"] + later * rng.normal(0, 0.1, len(rows))
    records["severity"] = np.clip(moved, 0.0, 1.0)
    return Records(**records, phenotype=None if phenotype is None else phenotype.take(rows))
