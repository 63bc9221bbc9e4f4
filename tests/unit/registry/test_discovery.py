"""Discovery: every plug-in by itself; what fails is listed, its names are unusable, nothing else is affected."""

from __future__ import annotations

import pytest

from fpmg_bench.errors import NameCollision, PluginError, UnknownComponent
from fpmg_bench.registry import Registry

GOOD = """
    @hookimpl
    def fpmg_aggregators():
        return [Component("{name}", "good_rules:Rule", "a rule")]

    class Rule:
        def __init__(self, keep: int = 1) -> None:
            self.keep = keep
"""


def test_a_component_of_an_installed_distribution_is_found_with_its_version(install, discover):
    install("good-dist", "good_rules", GOOD.format(name="rule"), version="2.5")
    entry = discover().find("aggregator", "rule")
    assert (entry.distribution, entry.dist_version, entry.entry_point, entry.summary) == ("good-dist", "2.5", "main", "a rule")


BREAKAGES = {
    "import": ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
    "exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "syntax": ("def broken(:\n    pass", "SyntaxError"),
    "unknown hook": ("@hookimpl\ndef fpmg_agregators():\n    return []", "PluginValidationError"),
    "wrong argument": ("@hookimpl\ndef fpmg_trial_end(trial, nonsense):\n    pass", "PluginValidationError"),
    "raises": ("@hookimpl\ndef fpmg_metrics():\n    raise KeyError('lost')", "KeyError: 'lost'"),
    "not a component": ("@hookimpl\ndef fpmg_metrics():\n    return ['rg']", "PluginError: fpmg_metrics returned 'rg'"),
    "not iterable": ("@hookimpl\ndef fpmg_metrics():\n    return None", "TypeError"),
    "bad name": ("@hookimpl\ndef fpmg_metrics():\n    return [Component('a:b', 'm:C')]", "bad name 'a:b'"),
    "bad target": ("@hookimpl\ndef fpmg_metrics():\n    return [Component('a', 'm.C')]", "has target 'm.C'"),
    "twice": ("@hookimpl\ndef fpmg_metrics():\n    return [Component('a', 'm:C')] * 2", "offers 'a' twice"),
    "wrapper": ("@hookimpl(wrapper=True)\ndef fpmg_metrics():\n    return (yield)", "is a hook wrapper"),
}


@pytest.mark.parametrize("how", BREAKAGES)
def test_a_broken_plugin_is_listed_with_its_error_and_others_work(install, discover, how):
    source, error = BREAKAGES[how]
    install("bad-dist", "bad_rules", source)
    install("good-dist", "good_rules", GOOD.format(name="rule"))
    registry = discover()
    (broken,) = registry.broken
    assert broken.distribution == "bad-dist"
    assert error in broken.error
    assert "\n" not in broken.error
    assert "Traceback" in broken.detail
    assert registry.build("aggregator", _choice("rule")).keep == 1


def test_names_of_a_broken_plugin_are_unusable_and_say_why(install, discover):
    source = GOOD.format(name="rule") + "\n    @hookimpl\n    def fpmg_metrics():\n        raise OSError('no licence')\n"
    install("bad-dist", "good_rules", source)
    for name in ("rule", "bad-dist:rule", "bad-dist:anything"):
        with pytest.raises(PluginError, match="bad-dist is broken: OSError: no licence"):
            discover().find("aggregator", name)


def test_a_name_offered_twice_is_an_error_only_where_it_is_used_bare(install, discover):
    install("one-dist", "good_rules", GOOD.format(name="rule"))
    install("two-dist", "other_rules", GOOD.format(name="rule"))
    registry = discover()
    with pytest.raises(NameCollision, match=r"write 'one-dist:rule' or 'two-dist:rule'|write 'two-dist:rule' or 'one-dist:rule'"):
        registry.find("aggregator", "rule")
    assert registry.find("aggregator", "two-dist:rule").distribution == "two-dist"


def test_disabling_works_by_distribution_and_by_entry_point(install, discover, monkeypatch):
    install("one-dist", "good_rules", GOOD.format(name="first"))
    install("two-dist", "other_rules", GOOD.format(name="second"), entry_point="extra")
    assert [entry.name for entry in discover("One_Dist").entries("aggregator")] == ["second"]
    monkeypatch.setenv("FPMG_DISABLE_PLUGINS", "builtin, extra")
    assert [entry.name for entry in Registry.discover().entries("aggregator")] == ["first"]


def test_an_unknown_name_suggests_the_nearest(install, discover):
    install("good-dist", "good_rules", GOOD.format(name="krum"))
    with pytest.raises(UnknownComponent, match=r"unknown aggregator 'krumm'. Did you mean 'krum'\? \(fpmg-bench list aggregator"):
        discover().find("aggregator", "krumm")
    with pytest.raises(UnknownComponent, match=r"unknown kind 'agregator'\. Did you mean 'aggregator'"):
        discover().find("agregator", "krum")


def test_discovery_and_lookup_import_no_component(install, discover):
    install("good-dist", "good_rules", '@hookimpl\ndef fpmg_metrics():\n    return [Component("m", "absent_module:Metric")]\n')
    registry = discover()
    assert registry.find("metric", "m").module == "absent_module"
    with pytest.raises(PluginError, match="cannot be imported: ModuleNotFoundError"):
        registry.load("metric", "m")


def test_observers_hear_everything_and_cannot_stop_a_run(install, discover):
    heard = "HEARD = []\n@hookimpl\ndef fpmg_trial_end(trial):\n    HEARD.append(trial)\n"
    install("deaf-dist", "deaf", "@hookimpl\ndef fpmg_trial_end(trial, result):\n    raise ValueError(result['status'])\n")
    install("ear-dist", "ear", heard)
    problems = discover().notify("fpmg_trial_end", trial="a/b/0", result={"status": "ok"})
    import ear  # type: ignore[import-not-found]

    assert ear.HEARD == ["a/b/0"]
    assert problems == ["deaf-dist: fpmg_trial_end: ValueError: ok"]


def test_a_failing_panel_becomes_a_panel_that_says_so(install, discover):
    install("bad-dist", "bad_panels", "@hookimpl\ndef fpmg_report_panels(run):\n    raise ValueError('<b>')\n")
    source = (
        "@hookimpl\ndef fpmg_report_panels(run):\n    from fpmg_bench.types import Panel\n    return [Panel(run, 'x', 'y')]\n"
    )
    install("good-dist", "good_panels", source)
    panels = {panel.title: panel for panel in discover().panels("runs/a")}
    assert set(panels) == {"runs/a", "Panel of a plug-in failed"}
    assert "&lt;b&gt;" in panels["Panel of a plug-in failed"].body


def _choice(name: str, **params: object):
    from fpmg_bench.spec import Choice

    return Choice(name, params)


OWN = GOOD.replace('Component("{name}"', 'Component("rg"').replace("fpmg_aggregators", "fpmg_metrics")


def test_a_bare_name_that_ships_means_what_ships_with_a_note(install):
    install("third-party", "good_rules", OWN)
    registry = Registry.discover()
    assert registry.find("metric", "rg").distribution == "fpmg-bench"
    assert registry.find("metric", "third-party:rg").distribution == "third-party"
    assert registry.note("metric", "rg") == "metric 'rg' is fpmg-bench's; write 'third-party:rg' for the other"
    assert [registry.note("metric", name) for name in ("dg", "third-party:rg")] == ["", ""]
    mine, theirs = (entry for entry in registry.entries("metric") if entry.name == "rg")
    assert {registry.name_of(mine), registry.name_of(theirs)} == {"rg", "third-party:rg"}


def test_suites_that_ship_go_on_working_and_say_what_they_mean(install):
    from fpmg_bench import runner

    install("third-party", "good_rules", OWN)
    made = runner.plan("smoke", Registry.discover(), seeds=(0,))
    assert made.notes == ["metric 'rg' is fpmg-bench's; write 'third-party:rg' for the other"]
    assert {c["distribution"] for c in made.components if c["name"] == "rg"} == {"fpmg-bench"}


def test_a_name_that_two_third_parties_offer_disturbs_nobody_who_does_not_use_it(install):
    from fpmg_bench.suite.refusals import _topologies

    ring = GOOD.format(name="grid").replace("fpmg_aggregators", "fpmg_topologies")
    install("one-dist", "good_rules", ring)
    install("two-dist", "other_rules", ring)
    registry = Registry.discover()
    assert {"one-dist:grid", "two-dist:grid", "ring"} <= set(_topologies(registry))
    with pytest.raises(NameCollision):
        registry.find("topology", "grid")


def test_a_hook_without_its_mark_is_told(install, discover):
    source = (
        GOOD.format(name="rule") + "\n    def fpmg_metrics():\n        return []\n\n    def fpmg_helper():\n        return []\n"
    )
    install("good-dist", "good_rules", source)
    (plugin,) = discover().plugins
    assert plugin.unmarked == ("fpmg_metrics",)
    assert not any(plugin.unmarked for plugin in Registry.discover(["main"]).plugins)
