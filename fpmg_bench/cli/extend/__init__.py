"""Commands that extend the program: components of one's own, and generators made elsewhere."""
