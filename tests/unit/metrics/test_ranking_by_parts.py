"""Areas under bootstrap weights do not depend on how many draws are looked at together."""

import numpy as np
import pytest
from fpmg_plugins.metrics import ranking


@pytest.mark.parametrize("area", [ranking.auroc, ranking.auprc])
@pytest.mark.parametrize("draws", [1, 9, 10, 33, 200])
def test_each_draw_is_what_it_is_alone(area, draws):
    rng = np.random.default_rng(draws)
    score, weights = rng.random(777).round(2), rng.poisson(1, (draws, 777)).astype(np.float32)
    positive = rng.random(777) < score
    alone = np.concatenate([area(score, positive, weights[[draw]]) for draw in range(draws)])
    assert np.array_equal(area(score, positive, weights), alone)
