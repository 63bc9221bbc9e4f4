"""Membership attacks on a release."""
