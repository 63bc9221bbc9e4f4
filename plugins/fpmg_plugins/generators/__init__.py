"""Generators: the joint distribution of representation vectors, given the conditions."""
