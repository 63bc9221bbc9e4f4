import math

import pytest
from fpmg_plugins.findings import commonest, f1, findings, well_formed

EFFUSION, CLEAR, NODULE = ("effusion", False), ("clear", False), ("nodule", False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Large pleural effusions.", {EFFUSION}),
        ("No pleural effusion.", {("effusion", True)}),
        ("No pneumothorax, effusion or consolidation. Nodules.", {("pneumothorax", True), ("effusion", True), ("consolidation", True), NODULE}),
        ("No effusion but a nodule is seen", {("effusion", True), NODULE}),
        ("Lungs are clear; free of nodules", {CLEAR, ("nodule", True)}),
        ("Effusion is not seen. Nodule.", {("effusion", True), NODULE}),
        ("Nodule. Pneumonia was ruled out", {NODULE, ("pneumonia", True)}),
        ("negative for pneumonia", {("pneumonia", True)}),
        ("No significant change in the effusion.", {EFFUSION}),
        ("No change: effusion, no nodule", {EFFUSION, ("nodule", True)}),
        ("non-calcified mass, 1.5 cm", {("calcification", True), ("mass", False)}),
        ("Confluent B lines; ground glass", {("confluent", False), ("b-line", False), ("ground-glass", False)}),
        ("Opacities, now an opacification", {("opacity", False)}),
        ("Effusion left. No effusion right.", {EFFUSION, ("effusion", True)}),
        ("The heart and mediastinal silhouette", set()),
        ("", set()),
    ],
)  # fmt: skip
def test_findings_with_negation_scope(text, expected):
    assert findings(text) == frozenset(expected)


def test_f1_by_hand():
    """3 + 1 real pairs, 2 + 2 made, 2 shared: 2 * 2 / 8."""
    real = ["Effusion. Nodule. No pneumothorax.", "Clear."]
    made = ["Effusion. Pneumothorax.", "Clear. Mass."]
    assert f1(real, made) == pytest.approx(0.5)
    assert f1(real, real) == 1.0
    assert math.isnan(f1(["heart"], [""]))


def test_the_constant_text_has_the_pairs_that_score_best():
    train = ["Clear. No effusion."] * 6 + ["Nodule. No effusion."] * 3 + ["Mass."]
    best = commonest(train)
    assert findings(best) == {CLEAR, ("effusion", True)}
    others = ["No effusion.", "Clear.", "Clear. Nodule. No effusion.", "Clear. Nodule. Mass. No effusion."]
    assert all(f1(train, [best] * 10) > f1(train, [other] * 10) for other in others)
    assert commonest(["heart"]) == ""


@pytest.mark.parametrize(
    "text", ["", "no no no no effusion", "effusion\x00", "No effusion. The heart is", "a nodule,", "x" * 41], ids=repr
)
def test_texts_that_are_not_well_formed(text):
    assert well_formed([text, "Lungs are clear. No effusion."], characters=40) == 0.5
