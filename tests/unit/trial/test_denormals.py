"""A trial flushes denormal numbers while it runs and gives the processor's flag back, whatever happened."""

import sys

import pytest

from fpmg_bench.trial.cost import denormals_flushed


def flushed():
    return sys.float_info.min / 2 == 0.0


def test_the_flag_is_set_inside_and_given_back():
    assert not flushed()
    with denormals_flushed():
        assert flushed()
        with denormals_flushed():
            pass
        assert flushed()  # a trial within a trial leaves the outer one's
    assert not flushed()


def test_the_flag_is_given_back_after_an_error():
    with pytest.raises(RuntimeError), denormals_flushed():
        raise RuntimeError("a trial failed")
    assert not flushed()
