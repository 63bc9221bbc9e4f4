import numpy as np
import pytest
from fpmg_plugins.metrics import ranking
from sklearn.metrics import average_precision_score, balanced_accuracy_score, brier_score_loss, recall_score, roc_auc_score


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


@pytest.fixture
def two(scored):
    probability, label = scored
    return np.stack([1 - probability[:, 1], probability[:, 1]], axis=1), (label == 1).astype(int)


def test_other_scores_of_two_classes_equal_scikit_learn(two):
    probability, truth = two
    called = probability.argmax(1)
    wanted = {
        ranking.macro_auprc: average_precision_score(truth, probability[:, 1]),
        ranking.balanced_accuracy: balanced_accuracy_score(truth, called),
        ranking.brier: brier_score_loss(truth, probability[:, 1]),
    }
    for measure, value in wanted.items():
        assert measure(probability, truth)[0] == pytest.approx(value, abs=1e-12)
    assert ranking.recall(probability, truth, 1)[0] == pytest.approx(recall_score(truth, called), abs=1e-12)


def test_average_precision_equals_scikit_learn_with_ties(two):
    probability, truth = two
    rounded = probability[:, 1].round(1)
    wanted = average_precision_score(truth, rounded)
    assert ranking.auprc(rounded, truth == 1)[0] == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("measure", [ranking.macro_auprc, ranking.balanced_accuracy, ranking.brier])
def test_every_measure_counts_a_record_as_often_as_its_weight_says(two, measure):
    probability, truth = two
    times = np.random.default_rng(1).integers(0, 3, (1, len(truth)))
    repeated = np.repeat(np.arange(len(truth)), times[0])
    wanted = measure(probability[repeated], truth[repeated])[0]
    assert measure(probability, truth, times.astype(float))[0] == pytest.approx(wanted, abs=1e-12)


def test_a_draw_without_the_class_has_no_value():
    probability, truth = np.array([[0.2, 0.8], [0.7, 0.3]]), np.array([1, 0])
    nobody = np.array([[1.0, 1.0], [0.0, 2.0]])
    for measure in (ranking.macro_auroc, ranking.macro_auprc):
        assert np.isnan(measure(probability, truth, nobody)).tolist() == [False, True]
