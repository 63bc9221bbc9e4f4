"""Public cohorts that users bring themselves: folder cohorts whose cohort.yaml is packaged, found through FPMG_DATA."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Len

from fpmg_bench import keys
from fpmg_bench.contracts import About, Remote
from fpmg_bench.errors import DatasetError
from fpmg_bench.strata import stratum
from fpmg_bench.types import TARGET, Cohort
from fpmg_plugins.datasets.folder import Folder
from fpmg_plugins.datasets.folder.about import about
from fpmg_plugins.datasets.folder.document import Document

VARIABLE = "FPMG_DATA"
SECOND = "brixia_junior"
SCORES = ("brixia_senior", SECOND, "severity_geographic", "severity_opacity")
Notes = Literal["published", "masked"]
Severity = Literal["brixia", "geographic", "opacity"]
IcuModality = Literal["series", "table", "text"]


class Packaged(Folder):
    """A folder cohort described by `<name>.yaml` beside this file. Its files are in `root`, or in $FPMG_DATA/<name>."""

    name: ClassVar[str]

    def __init__(self, root: str = "") -> None:
        self.root = root

    @property
    def about(self) -> About:
        """As the packaged cohort.yaml states it."""
        return about(self._document.spec, self.access())

    def access(self) -> str:
        """How its files come to a machine."""
        return f"a folder ${VARIABLE}/{self.name}, or `root`"

    def available(self) -> bool:
        """Are the files here? Suites skip an `optional` cohort where they are not."""
        return bool(self.root or os.environ.get(VARIABLE)) and (self.folder() / self._document.spec.manifest).is_file()

    def folder(self) -> Path:
        """Where the files are. Raises DatasetError where neither `root` nor FPMG_DATA says so."""
        if self.root:
            return Path(self.root).expanduser()
        if not os.environ.get(VARIABLE):
            raise DatasetError(
                f"{self.name}: no data folder", f"set {VARIABLE} to the folder that holds {self.name}/, or give `root`"
            )
        return Path(os.environ[VARIABLE]).expanduser() / self.name

    def load(self) -> Cohort:
        """All records with a known label. Raises DatasetError, with the way to get them, where the files are not here."""
        if not self.available():
            raise DatasetError(f"{self.name}: {self.folder() / self._document.spec.manifest} is not there", self.access())
        return super().load()

    def fingerprint(self) -> str:
        """Digest of the files and of the sizes that pictures are read at."""
        return keys.digest(
            {"files": super().fingerprint(), "shapes": {name: list(shape) for name, shape in self.shapes().items()}}
        )

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shapes that replace those of the packaged cohort.yaml."""
        return {}

    def _file(self) -> Path:
        return Path(__file__).parent / f"{self.name}.yaml"

    @cached_property
    def _document(self) -> Document:
        return Document(self._file(), self.shapes())


class CovidCxr(Packaged):
    """Chest X-rays (COVID-19 or not), notes (leak) and a table of patients in five regions.

    image_size: pixels a side; notes: as published, or masked: words that name a diagnosis or a pathogen are `xxxx`, and the notes count as
    not leaking, though their style may tell still.
    """

    name = "covid_cxr"
    notes: Notes = "published"

    @property
    def remote(self) -> Remote:
        """The collection's archive on GitHub, at one commit."""
        from fpmg_plugins.datasets.fetched.covid import REMOTE

        return REMOTE

    def access(self) -> str:
        """By data fetch, or as any of them."""
        return f"fpmg-bench data fetch covid-cxr, or {super().access()}"

    def convert(self, downloads: Path, folder: Path) -> Mapping[str, int]:
        """The archive in the form of covid_cxr.yaml."""
        from fpmg_plugins.datasets.fetched.covid import convert

        return convert(downloads, folder, self._file().read_bytes())

    def __init__(self, root: str = "", image_size: Annotated[int, Ge(8)] = 64, notes: Notes = "published") -> None:
        self.root = root
        self.image_size = image_size
        self.notes = notes

    def load(self) -> Cohort:
        """All labelled films."""
        from fpmg_plugins.datasets.cohorts.masked import masked

        cohort = super().load()
        return masked(cohort, "notes") if self.notes == "masked" else cohort

    def fingerprint(self) -> str:
        """Digest of the files, the size that pictures are read at, and of what is masked."""
        from fpmg_plugins.datasets.cohorts.masked import STEMS

        found = super().fingerprint()
        return keys.digest({"files": found, "masked": list(STEMS)}) if self.notes == "masked" else found

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Gray, image_size a side."""
        return {"image": (1, self.image_size, self.image_size)}


class CovidSeverity(Packaged):
    """The COVID-19 films of covid-cxr whose severity radiologists scored: the score is the label, a number, balanced by its thirds.

    Scores are there for COVID-19 (nearly) alone, so that in covid-cxr itself their presence would be the label. score: brixia (0 to 18,
    the mean of a senior's and a junior's where both are there), geographic extent (0 to 8) or opacity (0 to 6); image_size: pixels a side.
    """

    name = "covid_cxr"

    def access(self) -> str:
        """The collection with the columns of scores, which `data fetch covid-cxr` does not bring."""
        return f"{super().access()}, whose manifest has the scores ({', '.join(SCORES)})"

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Gray, image_size a side."""
        return {"image": (1, self.image_size, self.image_size)}

    def __init__(self, root: str = "", score: Severity = "brixia", image_size: Annotated[int, Ge(8)] = 64) -> None:
        self.root = root
        self.score = score
        self.image_size = image_size

    def fingerprint(self) -> str:
        """Digest of the files, the size that pictures are read at, and the score."""
        return keys.digest({"files": super().fingerprint(), "score": self.score})

    def load(self) -> Cohort:
        """All scored films of COVID-19."""
        cohort = super().load()
        return _of_both_readers(cohort) if self.score == "brixia" else cohort

    def _file(self) -> Path:
        return Path(__file__).parent / "covid_severity.yaml"

    @cached_property
    def _document(self) -> Document:
        return Document(self._file(), self.shapes(), (self.score, SECOND) if self.score == "brixia" else (self.score,))


def _of_both_readers(cohort: Cohort) -> Cohort:
    """With the mean of the first reader's score and the second's, who is a condition no more."""
    import numpy as np

    second = [column.name for column in cohort.conditions].index(SECOND)
    condition = np.delete(cohort.condition, second, 1)
    condition[:, TARGET] = np.nanmean(cohort.condition[:, [TARGET, second]], axis=1)
    condition[:, 0] = stratum(condition[:, TARGET], cohort.conditions[0].cuts)
    return replace(cohort, condition=condition, conditions=cohort.conditions[:second] + cohort.conditions[second + 1 :])


class LungCt(Packaged):
    """CT slices: normal, benign, malignant, COVID-19, with flags for cancer and COVID-19. image_size: pixels a side."""

    name = "lung_ct"

    def __init__(self, root: str = "", image_size: Annotated[int, Ge(8)] = 64) -> None:
        self.root = root
        self.image_size = image_size

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Gray, image_size a side."""
        return {"image": (1, self.image_size, self.image_size)}


class PocusUltrasound(Packaged):
    """Lung ultrasound clips (regular, COVID-19, pneumonia), a table and comments (leak). frames, video_size: of a clip."""

    name = "pocus_ultrasound"

    def __init__(self, root: str = "", frames: Annotated[int, Ge(2)] = 8, video_size: Annotated[int, Ge(8)] = 32) -> None:
        self.root = root
        self.frames = frames
        self.video_size = video_size

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Gray clips."""
        return {"video": (self.frames, 1, self.video_size, self.video_size)}


class EicuDemo(Packaged):
    """ICU stays (death in hospital, age): vital series, a table and assembled text (leak) in five regions of the USA. modalities: which."""

    name = "eicu_demo"

    def __init__(
        self, root: str = "", modalities: Annotated[tuple[IcuModality, ...], Len(1)] = ("series", "table", "text")
    ) -> None:
        self.root = root
        self.modalities = modalities

    def load(self) -> Cohort:
        """All stays with a known outcome."""
        return super().load().only(self.modalities)

    @property
    def remote(self) -> Remote:
        """PhysioNet's tables, version 2.0.1."""
        from fpmg_plugins.datasets.fetched.eicu import REMOTE

        return REMOTE

    def access(self) -> str:
        """By data fetch, or as any of them."""
        return f"fpmg-bench data fetch eicu-demo, or {super().access()}"

    def convert(self, downloads: Path, folder: Path) -> Mapping[str, int]:
        """The tables in the form of eicu_demo.yaml."""
        from fpmg_plugins.datasets.fetched.eicu import convert

        return convert(downloads, folder, self._document)


class Mimic3Demo(Packaged):
    """ICU stays (death in hospital, age): vitals, laboratory, a table, admission diagnosis, coded text (leak); three units."""

    name = "mimic3_demo"
