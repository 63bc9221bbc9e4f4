"""Metric cards: complete, and the same in the documentation as in the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpmg_bench.cli.cards import cards
from fpmg_bench.registry import Registry

ROOT = Path(__file__).parents[3]
REGISTRY = Registry.discover()
SHIPPED = [entry.name for entry in REGISTRY.entries("metric") if entry.distribution == "fpmg-bench"]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_card_says_what_a_score_needs_and_where_it_misleads(name: str) -> None:
    card, scales = REGISTRY.card("metric", name), REGISTRY.load("metric", name).scales
    assert "Needs" in card, "smallest n"
    assert "Pitfall" in card
    assert all(f"`{key}`" in card for key in scales if "." not in key), "the headline's formula"
    assert all(scale.source for scale in scales.values())


def test_the_written_cards_are_those_of_the_program() -> None:
    written = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert written == cards(REGISTRY), "python -m fpmg_bench.cli.cards > docs/metrics.md"
