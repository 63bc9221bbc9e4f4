"""Short reports of the phantom: findings, negations and the reader's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.types import Schema, Text
from fpmg_plugins.datasets.phantom.latent import Records

if TYPE_CHECKING:
    from fpmg_plugins.datasets.phantom.shapes import Phenotype

CHARACTERS, SHAPED = 240, 360
# what a report says of a nodule: by u, then by v, both parted at -.38 and .38
ACROSS = (("calcified", "medial", "no follow-up"), ("smooth", "hilar", "ct in a year"), ("spiculated", "lateral", "biopsy"))
DOWN = (("solid", "apical"), ("cavitary", "middle"), ("subsolid", "basal"))
SYMPTOMS = ("routine examination", "chest pain", "cough", "cough and fever", "shortness of breath")
DEGREES = ("slight", "moderate", "extensive")
CLEAR = ("the lungs are clear", "no focal consolidation", "no acute infiltrate")
OPACITY = ("consolidation", "airspace opacity", "infiltrate")
DRY = ("no pleural effusion", "costophrenic angles are sharp")
HEART = ("heart size is normal", "the heart is enlarged")
CLOSING = ("", "comparison: none.", "correlate clinically.", "no prior study.")


def schema(shaped: bool = False) -> Schema:
    """Lower-case English, at most 240 characters, of a shape 360."""
    return Schema("text", (), (SHAPED if shaped else CHARACTERS,))


def simulate(records: Records, rng: np.random.Generator) -> Text:
    """What a reader writes: an opacity with probability logistic(9 (extent - .33)), an effusion mostly where there is one."""
    n, extent = len(records), records.extent
    said = rng.random(n) < 1 / (1 + np.exp(-9 * (extent - 0.33)))
    fluid = rng.random(n) < np.where(records.label == 2, 0.25 + 0.6 * records.severity, 0.06)
    degree = np.digitize(extent + 0.12 * rng.standard_normal(n), [0.4, 0.65])
    side = np.where(rng.random(n) < 0.95, records.side, -records.side)
    symptom = np.clip(np.round(1 + 2.6 * extent + 0.9 * rng.standard_normal(n)), 0, 4).astype(int)
    large = rng.random(n) < 0.08 + 0.25 * extent
    habit = np.digitize(records.effect(6) + 0.3 * rng.standard_normal(n), [-0.4, 0.0, 0.4])  # a site's way to close a report
    words = rng.integers(0, 3, (n, 3))
    strings = (
        _report(*row)
        for row in zip(
            records.age, records.female, records.diabetes, symptom, said, degree, side, fluid, large, words, habit, strict=True
        )
    )
    if records.phenotype is None:
        return Text(tuple(strings))
    return Text(tuple(f"{report} {more}" for report, more in zip(strings, _shaped(records.phenotype, rng), strict=True)))


def _shaped(phenotype: Phenotype, rng: np.random.Generator) -> list[str]:
    """What and where a nodule is, in one of nine zones; of asthma, fibrosis and a high marker mostly a word."""
    u, v = (values + rng.normal(0, 0.04, len(values)) for values in (phenotype.u, phenotype.v))
    across, down = (np.digitize(values, [-0.38, 0.38]) for values in (u, v))
    signs = (phenotype.asthma, phenotype.fibrosis, phenotype.marker > 0.5)
    told = np.stack([sign & (rng.random(len(u)) < 0.9) for sign in signs], axis=1)
    return [_nodule(*row) for row in zip(across, down, told, strict=True)]


def _nodule(across: int, down: int, told: np.ndarray) -> str:
    edge, place, plan = ACROSS[across]
    kind, level = DOWN[down]
    words = ("hyperinflation.", "reticular opacities at the bases.", "raised ferritin.")
    signs = [word for word, there in zip(words, told, strict=True) if there]
    return " ".join([f"a {edge} {kind} nodule in the {level} {place} zone: {plan}.", *signs])


def _report(
    age: float, female: bool, diabetes: bool, symptom: int, said: bool, degree: int, side: float, fluid: bool, large: bool,
    words: np.ndarray, habit: int,
) -> str:  # fmt: skip
    place = "right" if side > 0 else "left"
    lung = f"{DEGREES[degree]} {OPACITY[words[0]]} in the {place} lower lobe" if said else CLEAR[words[1]]
    pleura = f"{place} pleural effusion" if fluid else DRY[words[2] % 2]
    person = f"{int(age)}-year-old {'woman' if female else 'man'}{', known diabetes' if diabetes else ''}"
    return f"{person} with {SYMPTOMS[symptom]}. {lung}. {pleura}. {HEART[int(large)]}. {CLOSING[habit]}".rstrip()
