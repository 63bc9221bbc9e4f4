"""Dotted paths that plug-ins may have written before components moved into rooms."""

import importlib
import sys

import pytest
from fpmg_plugins import moved
from fpmg_plugins.metrics.fidelity.rg import Rg


def test_a_moved_component_is_found_at_its_old_path_with_a_warning_that_names_the_new_one():
    sys.modules.pop("fpmg_plugins.metrics.rg", None)
    with pytest.warns(FutureWarning, match=r"fpmg_plugins.metrics.rg is now fpmg_plugins.metrics.fidelity.rg"):
        from fpmg_plugins.metrics.rg import Rg as Old
    assert Old is Rg


@pytest.mark.parametrize("old", sorted(moved.MOVED))
def test_every_moved_path_leads_to_the_module_at_its_new_one(old):
    sys.modules.pop(old, None)
    with pytest.warns(FutureWarning, match="is now"):
        assert importlib.import_module(old) is importlib.import_module(moved.MOVED[old])


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("encoders.pca", "Pca"),
        ("encoders.frozen", "Frozen"),
        ("metrics.association", "Association"),
        ("metrics.balance", "Balance"),
    ],
)
def test_a_module_that_became_a_room_of_its_name_still_gives_its_class(package, name):
    module = importlib.import_module(f"fpmg_plugins.{package}")
    with pytest.warns(FutureWarning, match=f"{package}.{package.rpartition('.')[2]}.{name}"):
        found = getattr(module, name)
    assert found.__name__ == name


def test_a_name_that_never_was_is_still_an_error():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("fpmg_plugins.metrics.rgg")
    with pytest.raises(AttributeError, match="no attribute 'Pcaa'"):
        _ = importlib.import_module("fpmg_plugins.encoders.pca").Pcaa
