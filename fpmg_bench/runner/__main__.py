"""A trial's subprocess."""

import os
import sys

from fpmg_bench.runner.one import main

code = main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)  # all is on disk; taking torch and its friends down in good order costs seconds a trial
