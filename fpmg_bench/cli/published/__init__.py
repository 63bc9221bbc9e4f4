"""Commands for what leaves the house: the bundle of a run, and its checking."""
