"""What released patients are worth to a classifier of real ones."""
