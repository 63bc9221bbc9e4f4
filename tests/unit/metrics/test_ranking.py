import numpy as np
import pytest
from fpmg_plugins.metrics import ranking
from sklearn.metrics import average_precision_score, balanced_accuracy_score, brier_score_loss, roc_auc_score


@pytest.fixture
def scored():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, 400)
    raw = rng.random((400, 3)) + 0.6 * np.eye(3)[label]
    return raw / raw.sum(1, keepdims=True), label


def test_auroc_equals_scikit_learn_with_ties(scored):
    probability, label = scored
    rounded = probability[:, 1].round(1)
    assert ranking.auroc(rounded, label == 1)[0] == pytest.approx(roc_auc_score(label == 1, rounded), abs=1e-12)


def test_macro_auroc_equals_scikit_learn(scored):
    probability, label = scored
    expected = roc_auc_score(label, probability, multi_class="ovr", average="macro")
    assert ranking.macro_auroc(probability, label)[0] == pytest.approx(expected, abs=1e-12)


def test_weighted_draws_equal_repeated_rows(scored):
    probability, label = scored
    times = np.random.default_rng(1).integers(0, 3, len(label))
    found = ranking.auroc(probability[:, 1], label == 1, np.stack([times.astype(float)]))
    repeated = np.repeat(np.arange(len(label)), times)
    assert found[-1] == pytest.approx(roc_auc_score((label == 1)[repeated], probability[repeated, 1]), abs=1e-12)


def test_other_scores_of_two_classes_equal_scikit_learn(scored):
    probability, label = scored
    two = np.stack([1 - probability[:, 1], probability[:, 1]], axis=1)
    truth = (label == 1).astype(int)
    assert ranking.macro_auprc(two, truth) == pytest.approx(average_precision_score(truth, two[:, 1]), abs=1e-12)
    assert ranking.balanced_accuracy(two, truth) == pytest.approx(balanced_accuracy_score(truth, two.argmax(1)), abs=1e-12)
    assert ranking.brier(two, truth) in (
        pytest.approx(brier_score_loss(truth, two[:, 1]), abs=1e-12),
        pytest.approx(2 * brier_score_loss(truth, two[:, 1]), abs=1e-12),
    )
