"""Panels: are the released patients real, diverse, useful, and whole across modalities?"""
