"""Indiana University chest radiographs: reports, DICOM headers and publisher's image codes of 3,733 real studies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Len

from fpmg_bench import keys
from fpmg_bench.contracts import About
from fpmg_bench.types import Cohort, Column, Schema, Text
from fpmg_plugins.datasets.installed import COMMANDS, XRAY, content, package_folder
from fpmg_plugins.datasets.iu_cxr.header import header, schema
from fpmg_plugins.datasets.iu_cxr.image_codes import image_codes
from fpmg_plugins.datasets.iu_cxr.studies import FILES, read_studies

Modality = Literal["text", "findings", "header", "image_codes"]
INDICATION, FINDINGS = 240, 600  # characters that are kept


class IuCxr:
    """One record a patient: normal or abnormal, in five acquisition systems (the hospitals' names were removed at the source).

    text: INDICATION, why the picture was taken: the fair text · findings: FINDINGS and IMPRESSION, from which the label was
    made (leaks) · header: 19 columns of the DICOM header of the first radiograph · image_codes: how often each of the
    publisher's visual words (CEDD, ColorLayout, EdgeHistogram, FCTH, SemanticContext60) was assigned to the study's radiographs:
    descriptors of real pixels, no pixels.
    Known signal (AUROC of a linear model): text .62, header .76, image_codes .62, findings .99.

    modalities: which of the four; codes: that many of the commonest visual words have a column, others are summed by family
    (0: all 339 have one); conditions: further flags to condition on, words of the MeSH terms such as "opacity".
    """

    licence: ClassVar[str] = "CC BY-NC-ND 4.0 (as each report states; read from the installed torchxrayvision)"
    citation: ClassVar[str] = (
        "Demner-Fushman et al., Preparing a collection of radiology examinations for distribution and retrieval, JAMIA 2016; "
        "files: torchxrayvision (Cohen et al., MIDL 2022)"
    )
    publishable: ClassVar[bool] = False
    about: ClassVar[About] = About(
        task="label: normal | abnormal (MeSH terms that readers gave to the report)",
        silos="5 acquisition systems, from tags of the DICOM header (hospital names were removed)",
        real={
            "text": "text: INDICATION, as written",
            "findings": "text: FINDINGS and IMPRESSION, as written (not in the default)",
            "header": "table: DICOM header of the first radiograph",
        },
        derived={"image_codes": "table: the publisher's visual words, computed from the real pixels, which are not here"},
        leaks=frozenset({"findings"}),
        traps=(
            "the label was made from the report: text of findings is near-perfect by construction",
            "sex is blank at the source",
        ),
        access=COMMANDS[XRAY],
    )

    def __init__(
        self,
        modalities: Annotated[tuple[Modality, ...], Len(1)] = ("text", "header", "image_codes"),
        codes: Annotated[int, Ge(0)] = 64,
        conditions: tuple[str, ...] = (),
    ) -> None:
        self.modalities = modalities
        self.codes = codes
        self.conditions = conditions

    def available(self) -> bool:
        """Is torchxrayvision installed?"""
        return package_folder(XRAY) is not None

    def fingerprint(self) -> str:
        """Digest of the parameters, the installed files and the source that reads them."""
        source = keys.source_hash(*sorted(Path(__file__).parent.glob("*.py")))
        return keys.digest({"iu-cxr": vars(self), "files": content(*FILES), "source": source})

    def load(self) -> Cohort:
        """3,733 records; the studies without an index or a report are counted in `dropped`."""
        studies, left_out = read_studies()
        dropped = Counter(left_out)
        makers: dict[str, Callable[[], tuple[Schema, Any]]] = {
            "text": partial(_text, "text", list(studies.reports["INDICATION"]), INDICATION, dropped),
            "findings": partial(_text, "findings", studies.findings(), FINDINGS, dropped),
            "header": lambda: (schema(), header(studies, dropped)),
            "image_codes": lambda: image_codes(studies, self.codes),
        }
        parts = {name: makers[name]() for name in self.modalities}
        flags = [studies.mentions(word) for word in self.conditions]
        return Cohort(
            schemas={name: schema for name, (schema, _) in parts.items()},
            data={name: data for name, (_, data) in parts.items()},
            present={name: _present(data) for name, (_, data) in parts.items()},
            conditions=(Column("label", "category", ("normal", "abnormal")), *(Column(word, "flag") for word in self.conditions)),
            condition=np.column_stack([studies.abnormal(), *flags]).astype(np.float64),
            patient=studies.patients(),
            silo=studies.silos()[0],
            silo_names=studies.silos()[1],
            leaks=frozenset({"findings"} & set(self.modalities)),
            dropped=dict(dropped),
        )


def _text(name: str, strings: list[str], length: int, dropped: Counter[str]) -> tuple[Schema, Text]:
    long = sum(len(string) > length for string in strings)
    if long:
        dropped[f"ends of texts of {name} after {length} characters"] += long
    return Schema("text", (), (length,)), Text(tuple(string[:length].rstrip() for string in strings))


def _present(data: Any) -> np.ndarray:
    if isinstance(data, Text):
        return np.array([bool(string) for string in data.strings])
    return np.ones(len(data), bool)
