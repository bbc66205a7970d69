"""What a policy says of tests, held against what really ran. Pure."""
