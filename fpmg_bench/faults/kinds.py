"""The kinds of faults by the word that a suite writes."""

from __future__ import annotations

from fpmg_bench.faults.absent import Crash, Dropout, Straggler
from fpmg_bench.faults.byzantine import Alie, Gaussian, InnerProduct, LabelFlip, SignFlip
from fpmg_bench.faults.kind import Kind
from fpmg_bench.faults.links import CutLink, Equivocation, Omission, RelayTampering

KINDS: dict[str, type[Kind]] = {
    "sign-flip": SignFlip,
    "alie": Alie,
    "inner-product": InnerProduct,
    "gaussian": Gaussian,
    "label-flip": LabelFlip,
    "equivocation": Equivocation,
    "relay-tampering": RelayTampering,
    "crash": Crash,
    "dropout": Dropout,
    "straggler": Straggler,
    "omission": Omission,
    "cut-link": CutLink,
}
