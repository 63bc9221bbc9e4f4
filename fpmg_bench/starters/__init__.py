"""What `fpmg-bench new` writes: one whole, small component of every kind, that passes the checks of its kind as it stands."""
