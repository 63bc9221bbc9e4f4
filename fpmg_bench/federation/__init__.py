"""The round loop: every learner, every stage and every topology goes through `run`. Bytes are metered at the sender."""

from fpmg_bench.federation.checks import HeldIn
from fpmg_bench.federation.checks import cost as check_cost
from fpmg_bench.federation.edges import edges_of, hubs_of, reached
from fpmg_bench.federation.hops import handover_path, hops, sources
from fpmg_bench.federation.loop import run
from fpmg_bench.federation.mixing import mixing
from fpmg_bench.federation.plumbing import check
from fpmg_bench.federation.schedule import Schedule, hidden
from fpmg_bench.federation.stage import Federated, Plan, SiloPlan, Standing
from fpmg_bench.federation.statistics import cost, exchange
from fpmg_bench.federation.statistics import path as statistics_path

__all__ = [
    "Federated",
    "HeldIn",
    "Plan",
    "Schedule",
    "SiloPlan",
    "Standing",
    "check",
    "check_cost",
    "cost",
    "edges_of",
    "exchange",
    "handover_path",
    "hidden",
    "hops",
    "hubs_of",
    "mixing",
    "reached",
    "run",
    "sources",
    "statistics_path",
]
