"""A trial's subprocess."""

import sys

from fpmg_bench.runner.one import main

sys.exit(main(sys.argv[1:]))
