"""A folder of 1.1 GB is loaded, described, split and trained on in 256 MiB: only what is asked for is read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

RECORDS, VISITS, GROUP = 20_000, 30, 1_000
COHORT = """\
version: 1
licence: CC0-1.0
manifest: manifest.parquet
record: id
patient: person
conditions:
  - {name: label, type: category, categories: [well, ill]}
modalities:
  table:
    kind: table
    columns: [{name: age, low: 0, high: 120}, {name: weight}]
  vitals:
    kind: series
    file: long.parquet
    record: id
    window: [0, 24]
    steps: 6
    columns: [{name: pulse}]
  image: {kind: image, column: file, folder: media, shape: [3, 96, 96]}
"""
STEP = """
import json, sys
import numpy as np, torch
from fpmg_bench.evaluation import split
from fpmg_bench.privacy import LocalShard
from fpmg_bench.suite import describe
from fpmg_plugins.datasets.folder import Folder

torch.set_num_threads(1)
def peak():  # of this program alone; getrusage counts what the starting process held
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

net = torch.nn.Linear(2, 1)
shard = lambda rows, patient: LocalShard(rows, patient, 0.01, "stage1:table").begin(0)
loss = lambda net, batch: net(batch["x"]).square().sum(1)
optimizer = torch.optim.SGD(net.parameters(), 0.01)
warm = shard({"x": torch.zeros(400, 2)}, np.arange(400))
warm.step(net, optimizer, loss)
before = peak()
dataset = Folder(root=sys.argv[1])
cohort = dataset.load()
info = describe("large", dataset, cohort)
train = split(cohort, 0).train
table = train.data["table"].frame
rows = {"x": torch.tensor(table[["age", "weight"]].to_numpy(dtype=np.float32))}
step = shard(rows, train.patient).step(net, optimizer, loss)
drawn = train.data["image"].take(np.arange(64)).array()
print(json.dumps({"before": before, "peak": peak(), "n": info.n, "batch": step.size, "drawn": list(drawn.shape)}))
"""


def _parquet(file: Path, groups: list[dict[str, object]]) -> None:
    tables = [pa.table(group) for group in groups]
    with pq.ParquetWriter(file, tables[0].schema, compression="none", use_dictionary=False) as writer:
        for table in tables:
            writer.write_table(table)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """20,000 records: a column of 12 KB a record that nobody asks for, 600,000 long rows with a remark, and a picture each."""
    rng = np.random.default_rng(0)
    (tmp_path / "cohort.yaml").write_text(COHORT)
    (tmp_path / "media").mkdir()
    Image.fromarray(rng.integers(0, 255, (96, 96, 3), dtype=np.uint8)).save(tmp_path / "one.png")
    manifest, long = [], []
    for start in range(0, RECORDS, GROUP):
        ids = [f"record-{at}" for at in range(start, start + GROUP)]
        files = [f"{id}.png" for id in ids]
        for name in files:
            os.link(tmp_path / "one.png", tmp_path / "media" / name)
        manifest.append(
            {
                "id": ids,
                "person": np.arange(start, start + GROUP) // 2,
                "label": np.where(rng.random(GROUP) < 0.5, "well", "ill").tolist(),
                "age": rng.integers(18, 90, GROUP),
                "weight": rng.normal(70, 9, GROUP),
                "file": files,
                "scan": [rng.bytes(12_000) for _ in ids],
            }
        )
        rows = GROUP * VISITS
        long.append(
            {
                "id": np.repeat(ids, VISITS).tolist(),
                "time": rng.uniform(0, 24, rows),
                "variable": ["pulse"] * rows,
                "value": rng.normal(80, 9, rows),
                "remark": [rng.bytes(500) for _ in range(rows)],
            }
        )
    _parquet(tmp_path / "manifest.parquet", manifest)
    _parquet(tmp_path / "long.parquet", long)
    return tmp_path


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peaks are read in /proc")
def test_a_folder_of_a_gigabyte_needs_a_quarter_of_it(large: Path) -> None:
    size = sum(file.stat().st_size for file in large.rglob("*") if file.is_file())
    assert size > 1_050_000_000
    quiet = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-c", STEP, str(large)], capture_output=True, text=True, check=False, env={**os.environ, **quiet}
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["n"], found["drawn"]) == (RECORDS, [64, 3, 96, 96])
    assert found["batch"] > 0
    assert found["peak"] - found["before"] < 256, found  # MiB: 125 here
