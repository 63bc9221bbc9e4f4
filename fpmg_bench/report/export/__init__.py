"""Figures and tables of a report as files of their own, for papers and notebooks."""
