"""What lies beside released patients: README.md, model-card.md, data-card.json, privacy.md. Nothing in them that epsilon does not cover."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from fpmg_bench.release.cards import croissant, model, privacy, readme
from fpmg_bench.release.cards.facts import Facts

CARDS: Mapping[str, Callable[[Facts], str]] = {
    "README.md": readme.text,
    "model-card.md": model.text,
    "privacy.md": privacy.text,
}
DATA_CARD = "data-card.json"


def write_cards(facts: Facts, folder: Path) -> None:
    """All four. A file of the data that has such a name stays; the card then has another one."""
    for name, text in CARDS.items():
        _free(folder, name).write_text(text(facts), encoding="utf-8")
    card = json.dumps(croissant.card(facts, folder), indent=1, ensure_ascii=False)
    _free(folder, DATA_CARD).write_text(card + "\n", encoding="utf-8")


def _free(folder: Path, name: str) -> Path:
    file = folder / name
    while file.exists():
        file = file.with_stem(f"release-{file.stem}")
    return file
