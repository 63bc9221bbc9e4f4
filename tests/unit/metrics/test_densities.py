import numpy as np
import pytest
from fpmg_plugins.metrics.privacy import densities
from scipy.stats import gaussian_kde
from sklearn.neighbors import NearestNeighbors


@pytest.fixture
def points():
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(3, 3))
    return (rng.normal(size=(500, 3)) @ mix + 5).astype(np.float32), (rng.normal(size=(40, 3)) @ mix + 5).astype(np.float32)


def test_kernel_density_equals_scipy(points):
    centres, x = points
    np.testing.assert_allclose(densities.kernel(x, centres, centres), gaussian_kde(centres.T).logpdf(x.T), atol=2e-3)


def test_kernel_density_of_columns_that_do_not_vary_is_finite(points):
    centres, x = (np.pad(part, ((0, 0), (0, 1))) for part in points)
    assert np.isfinite(densities.kernel(x, centres, centres)).all()


@pytest.mark.parametrize("k", [1, 5])
def test_distance_to_the_kth_neighbour_equals_scikit_learn(points, k):
    centres, x = points
    wanted = NearestNeighbors(n_neighbors=k).fit(centres).kneighbors(x)[0][:, -1]
    np.testing.assert_allclose(densities.nth_nearest(x, centres, k), wanted, rtol=1e-3)


def test_fewer_centres_than_neighbours_give_the_farthest(points):
    centres, x = points
    np.testing.assert_allclose(densities.nth_nearest(x, centres[:3], 9), densities.nth_nearest(x, centres[:3], 3))
