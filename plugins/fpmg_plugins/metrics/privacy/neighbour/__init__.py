"""What neighbours and servers learn from the frames that they received."""
