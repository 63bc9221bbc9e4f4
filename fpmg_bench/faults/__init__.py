"""Adversaries and faults: silos that lie, crash, stay away or come late, and links that lose or change what they carry."""

from fpmg_bench.faults.absent import Crash
from fpmg_bench.faults.cast import Cast, Faults, Round, cast
from fpmg_bench.faults.healing import healing
from fpmg_bench.faults.kind import Kind
from fpmg_bench.faults.kinds import KINDS
from fpmg_bench.faults.lies import Alie, LabelFlip, hidden

__all__ = ["KINDS", "Alie", "Cast", "Crash", "Faults", "Kind", "LabelFlip", "Round", "cast", "healing", "hidden"]
