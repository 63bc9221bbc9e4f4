"""Sums that nobody sees the parts of: who shares which secret, which way a masked sum takes, what the absent can still be left out of."""
