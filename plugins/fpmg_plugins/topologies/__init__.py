"""Topologies: who sends what to whom in a round."""
