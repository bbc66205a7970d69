"""What the source alone tells: pure, on the syntax tree."""
