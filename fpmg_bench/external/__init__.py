"""Generators made elsewhere: recipes of `peers/`, the words of a command, and the process and folder that one gets."""
