"""The run directory: keys, atomic files, checkpoints, shared stage 1, and one long results table."""

from fpmg_bench.store.artefacts import Checkpoint, Stage1, load_stage1
from fpmg_bench.store.atomic import plain, write_bytes, write_json
from fpmg_bench.store.environment import core_hash, cores, environment, setting
from fpmg_bench.store.preimages import Versions, chosen, external_of, measure_preimage, stage1_preimage, trial_preimage
from fpmg_bench.store.ranks import RankFolder, RankSink
from fpmg_bench.store.reading import Damaged, read_json
from fpmg_bench.store.records import DAMAGED, TrialRecord
from fpmg_bench.store.rounds import read_rounds
from fpmg_bench.store.rundir import FINAL_TRIALS, SCHEMA_VERSION, RunDir, only_writer
from fpmg_bench.store.scores import ScoreLog
from fpmg_bench.store.sink import TrialSink
from fpmg_bench.store.specs import Planned, spec_from_json
from fpmg_bench.store.table import DTYPES, FINAL, STALE, collect, frame, metric_name, read_table, write_table
from fpmg_bench.store.tensors import pack, unpack

__all__ = [
    "DAMAGED",
    "DTYPES",
    "FINAL",
    "FINAL_TRIALS",
    "SCHEMA_VERSION",
    "STALE",
    "Checkpoint",
    "Damaged",
    "Planned",
    "RankFolder",
    "RankSink",
    "RunDir",
    "ScoreLog",
    "Stage1",
    "TrialRecord",
    "TrialSink",
    "Versions",
    "chosen",
    "collect",
    "core_hash",
    "cores",
    "environment",
    "external_of",
    "frame",
    "load_stage1",
    "measure_preimage",
    "metric_name",
    "only_writer",
    "pack",
    "plain",
    "read_json",
    "read_rounds",
    "read_table",
    "setting",
    "spec_from_json",
    "stage1_preimage",
    "trial_preimage",
    "unpack",
    "write_bytes",
    "write_json",
    "write_table",
]
