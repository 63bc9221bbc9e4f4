"""Public cohorts as their publishers serve them, turned into folder cohorts by `fpmg-bench data fetch`."""
