"""What `fpmg-bench plan` prints."""
