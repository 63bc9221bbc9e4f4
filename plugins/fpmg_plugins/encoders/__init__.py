"""Encoders: one modality's records to vectors and back."""
