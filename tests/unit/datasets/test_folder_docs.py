from __future__ import annotations

import re
from pathlib import Path

import pytest
from fpmg_plugins.datasets.folder import spec
from fpmg_plugins.datasets.folder.document import Document
from pydantic import BaseModel

PAGE = Path(__file__).parents[3] / "docs" / "folder-cohorts.md"

pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="docs/ is not part of this checkout")


def test_the_example_of_the_page_is_valid(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example
    (tmp_path / "cohort.yaml").write_text(example[1])
    assert set(Document(tmp_path / "cohort.yaml").spec.modalities) == {"table", "series", "notes", "image", "video"}


def test_every_key_is_on_the_page() -> None:
    text = PAGE.read_text()
    models = [each for each in vars(spec).values() if isinstance(each, type) and issubclass(each, BaseModel)]
    words = {word for model in models for word in model.model_fields}
    assert len(words) > 40
    assert [word for word in words if not re.search(rf"\b{word}\b", text)] == []
