"""Federated consistency and communication overhead."""
