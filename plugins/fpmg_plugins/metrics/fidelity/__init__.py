"""Reality and diversity of released patients."""
