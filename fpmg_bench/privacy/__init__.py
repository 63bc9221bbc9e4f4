"""Privacy in code: the shard (the only door to patients' rows) and the ledger (what each opening cost)."""

from fpmg_bench.privacy.draws import Draws
from fpmg_bench.privacy.ledger import Ledger, Mechanism, Noise, calibrate, epsilon_of
from fpmg_bench.privacy.secrets import Secrets
from fpmg_bench.privacy.shard import LocalShard

__all__ = ["Draws", "Ledger", "LocalShard", "Mechanism", "Noise", "Secrets", "calibrate", "epsilon_of"]
