"""Who is held in, and the score that is taken of what a generator draws."""

import numpy as np
import pytest
import torch

from fpmg_bench.stopping.energy import energy_scores
from fpmg_bench.stopping.held_in import held_in

from .toys import rows


def test_a_patient_more_moves_nobody_else_across():
    few = np.arange(0, 2000)
    more = np.concatenate([few, few[:50], [9999]])
    assert (held_in(more, 0.1, 3)[:2000] == held_in(few, 0.1, 3)).all()
    assert (held_in(more, 0.1, 3)[2000:2050] == held_in(few, 0.1, 3)[:50]).all()  # all records of a patient, together


def test_the_share_is_met_and_another_seed_holds_others_in():
    first, second = (held_in(np.arange(4000), 0.1, seed) for seed in (0, 1))
    assert 340 < first.sum() < 460  # 400 +- 3 standard deviations
    assert 0 < (first & second).sum() < 80  # 40 expected
    assert held_in(np.arange(0), 0.1, 0).shape == (0,)


def test_energy_scores_of_two_drawn_records_by_hand():
    drawn = rows([[0.0, 0.0], [3.0, 4.0], [100.0, 100.0]], [0, 0, 1])
    found = energy_scores(drawn, rows([[0.0, 0.0]], [0]))
    assert float(found) == pytest.approx(((0 + 5) / 2 - 5 / 2) / 2)  # sqrt(2 d) = 2; the other label's is not asked


def test_an_absent_modality_counts_in_no_distance():
    drawn = rows([[0.0, 0.0], [3.0, 4.0]], [0, 0])
    found = energy_scores(drawn, rows([[1.0, 77.0], [1.0, 77.0]], [0, 0], [[True, False], [False, False]]))
    assert found[:, 0].tolist() == pytest.approx([((1 + 2) / 2 - 3 / 2) / 2**0.5, 0.0])
    assert energy_scores(drawn, drawn.take(np.arange(0))).shape == (0, 1)


def test_the_score_is_least_for_the_patients_own_distribution_and_each_is_its_rows_alone():
    rng = torch.Generator().manual_seed(0)
    patients = rows(torch.randn(300, 2, generator=rng).tolist(), [0] * 300)
    scores = {}
    for name, shift, spread in (("own", 0.0, 1.0), ("moved", 0.7, 1.0), ("narrow", 0.0, 0.3)):
        drawn = rows((torch.randn(400, 2, generator=rng) * spread + shift).tolist(), [0] * 400)
        scores[name] = energy_scores(drawn, patients)
        torch.testing.assert_close(energy_scores(drawn, patients.take(np.arange(5))), scores[name][:5], atol=1e-6, rtol=0)
    means = {name: float(score.mean()) for name, score in scores.items()}
    assert means["own"] < min(means["moved"], means["narrow"]) - 0.02
