"""Three silos of different modalities and one question: COVID-19, another pneumonia, or neither."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge

from fpmg_bench import keys
from fpmg_bench.contracts import About
from fpmg_plugins.datasets.cohorts import CovidCxr, EicuDemo, Packaged, PocusUltrasound
from fpmg_plugins.datasets.lung_union.joining import join

if TYPE_CHECKING:
    from fpmg_bench.types import Cohort

HERE = Path(__file__).parent


class _Clinic(CovidCxr):
    def _file(self) -> Path:
        return HERE / "clinic.yaml"


class _Icu(EicuDemo):
    def load(self) -> Cohort:
        """All that its own description has."""
        return Packaged.load(self)

    def _file(self) -> Path:
        return HERE / "icu.yaml"


class _Ultrasound(PocusUltrasound):
    def _file(self) -> Path:
        return HERE / "ultrasound.yaml"


class LungUnion:
    """An X-ray clinic (image, notes), intensive care (series, table) and an ultrasound lab (video): no patient has more than

    their own place's modalities, so every complete record is generated, never observed. root: the folder that holds covid_cxr/,
    eicu_demo/ and pocus_ultrasound/ (default: $FPMG_DATA); image_size, frames, video_size: as of the single cohorts.
    """

    licence: ClassVar[str] = "covid_cxr: per row, metadata CC BY-NC-SA 4.0; eicu_demo: ODbL-1.0; pocus_ultrasound: per row"
    citation: ClassVar[str] = (
        "Cohen et al., arXiv:2006.11988; Pollard et al., Scientific Data 2018; Born et al., Applied Sciences 2021"
    )
    publishable: ClassVar[bool] = False
    about: ClassVar[About] = About(
        task="covid19, pneumonia or other: finding (X-ray), admission diagnosis (ICU), diagnosis (ultrasound)",
        silos="three places, each with modalities of its own",
        real={
            "image": "image: chest X-rays",
            "notes": "text: clinical notes",
            "series": "series: ICU vital signs",
            "table": "table: admission and APACHE inputs of intensive care",
            "video": "video: lung ultrasound clips",
        },
        leaks=frozenset({"notes"}),
        traps=(
            "no patient has the modalities of two places: any joint record is generated",
            "label, place and modality are confounded: intensive care has no COVID-19",
            "other means other things in each place",
        ),
        access="the folders covid_cxr, eicu_demo and pocus_ultrasound below FPMG_DATA",
    )

    def __init__(
        self,
        root: str = "",
        image_size: Annotated[int, Ge(8)] = 64,
        frames: Annotated[int, Ge(2)] = 8,
        video_size: Annotated[int, Ge(8)] = 32,
    ) -> None:
        self.root = root
        self.image_size = image_size
        self.frames = frames
        self.video_size = video_size

    def available(self) -> bool:
        """Are all three here?"""
        return all(part.available() for part in self._parts.values())

    def fingerprint(self) -> str:
        """Digest of the three."""
        return keys.digest({name: part.fingerprint() for name, part in self._parts.items()})

    def load(self) -> Cohort:
        """All three, as one cohort of three silos."""
        return join({name: part.load() for name, part in self._parts.items()})

    @cached_property
    def _parts(self) -> dict[str, Packaged]:
        base = Path(self.root).expanduser() if self.root else None

        def at(name: str) -> str:
            return str(base / name) if base else ""

        return {
            "clinic": _Clinic(at("covid_cxr"), self.image_size),
            "intensive care": _Icu(at("eicu_demo"), ("series", "table")),
            "ultrasound lab": _Ultrasound(at("pocus_ultrasound"), self.frames, self.video_size),
        }
