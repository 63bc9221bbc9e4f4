from __future__ import annotations

import re
from pathlib import Path

import pytest
from fpmg_plugins.datasets.folder.document import WORDS, Document

PAGE = Path(__file__).parents[3] / "docs" / "folder-cohorts.md"

pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="docs/ is not part of this checkout")


def test_the_example_of_the_page_is_valid(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example
    (tmp_path / "cohort.yaml").write_text(example[1])
    assert set(Document(tmp_path / "cohort.yaml").spec.modalities) == {"table", "series", "notes", "image", "video"}


def test_every_key_is_on_the_page() -> None:
    text = PAGE.read_text()
    assert [word for word in WORDS if not re.search(rf"\b{word}\b", text)] == []
