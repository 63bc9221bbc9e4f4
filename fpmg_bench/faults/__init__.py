"""Adversaries and faults: silos that lie, crash, stay away or come late, and links that lose or change what they carry."""

from fpmg_bench.faults.absent import Crash
from fpmg_bench.faults.byzantine import Alie, LabelFlip, hidden
from fpmg_bench.faults.healing import healing
from fpmg_bench.faults.kind import Kind
from fpmg_bench.faults.kinds import KINDS
from fpmg_bench.faults.schedule import Faults, Round, ScheduledFault, schedule

__all__ = ["KINDS", "Alie", "Crash", "Faults", "Kind", "LabelFlip", "Round", "ScheduledFault", "healing", "hidden", "schedule"]
