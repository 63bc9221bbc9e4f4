"""Generators of exchanged statistics alone, and the Gaussian that the others start from."""
