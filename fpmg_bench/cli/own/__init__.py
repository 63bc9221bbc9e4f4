"""Commands about a component of one's own."""
