"""`python -m fpmg_bench` is `fpmg-bench`."""

from fpmg_bench.cli import main

main()
