"""What a suite will do, send and spend, told before anything runs."""
