"""Figures and drawings, and their colours."""
