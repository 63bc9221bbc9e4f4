"""Aggregators: how a node merges the models it received."""
