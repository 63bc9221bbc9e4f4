"""The program `fpmg-bench`. Commands import what they need when they run, so that `--help` stays cheap."""

from fpmg_bench.cli.app import main

__all__ = ["main"]
