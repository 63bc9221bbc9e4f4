"""Cohorts of different modalities as one: nothing is moved, what is lacking is absent."""

import numpy as np
import pytest
from fpmg_plugins.datasets.lung_union.joining import join
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.errors import DatasetError


@pytest.fixture(scope="module")
def parts():
    whole = Phantom(patients=40, silos=2).load()
    return {"a": whole.only(("text", "image")), "b": whole.only(("series", "table")), "c": whole.only(("video",))}


def test_records_keep_their_content_and_lack_the_rest(parts):
    joined, n = join(parts), [len(part) for part in parts.values()]
    assert len(joined) == sum(n) and joined.silo_names == ("a", "b", "c")
    assert np.bincount(joined.silo).tolist() == n
    for silo, part in enumerate(parts.values()):
        rows = np.flatnonzero(joined.silo == silo)
        assert [m for m, mask in joined.present.items() if mask[rows].any()] == [
            m for m, mask in part.present.items() if mask.any()
        ]
    assert joined.data["text"].take(joined.silo == 0).strings == parts["a"].data["text"].strings
    assert (joined.data["image"].take(joined.silo == 0).array() == parts["a"].data["image"].array()).all()
    assert (joined.data["video"].take(np.array([len(joined) - 1, 0])).array()[0] == parts["c"].data["video"].array()[-1]).all()
    assert joined.data["table"].take(joined.silo == 1).frame.equals(parts["b"].data["table"].frame)
    np.testing.assert_array_equal(joined.data["series"].values[joined.silo == 1], parts["b"].data["series"].values)
    assert not joined.data["series"].seen[joined.silo != 1].any() and joined.data["table"].frame[joined.silo != 1].isna().all(
        None
    )


def test_nobody_is_in_two_places(parts):
    joined = join(parts)
    places = [set(joined.patient[joined.silo == silo]) for silo in range(3)]
    assert not places[0] & places[1] and not places[1] & places[2] and not places[0] & places[2]


def test_equal_names_are_refused(parts):
    with pytest.raises(DatasetError, match="name a modality alike"):
        join({"a": parts["a"], "b": parts["a"]})
