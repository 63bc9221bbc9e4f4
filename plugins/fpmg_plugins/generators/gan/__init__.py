"""Conditional GANs over representation vectors, parallel and single-modal."""
