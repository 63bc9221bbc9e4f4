"""What this distribution offers. Nothing heavy is imported here: a component's module is imported at its first use."""

from __future__ import annotations

from fpmg_bench.hookspecs import Component, hookimpl


@hookimpl
def fpmg_aggregators() -> list[Component]:
    return [Component("norm-bounded-mean", "fpmg_plugin_example.aggregator:NormBoundedMean", "mean of updates of bounded length")]


@hookimpl
def fpmg_generators() -> list[Component]:
    return [
        Component(
            "joint-vae", "fpmg_plugin_example.generator:JointVae", "conditional variational autoencoder over the joint vectors"
        )
    ]


@hookimpl
def fpmg_metrics() -> list[Component]:
    return [Component("category-coverage", "fpmg_plugin_example.metric:CategoryCoverage", "share of real categories that appear")]
