"""Attribute inference, singling out, linkability."""
