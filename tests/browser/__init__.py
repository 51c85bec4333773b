"""What staff do, in a real browser."""
