"""What a small model knows: unseen programs and functions, imagined as the program imagines them, beside what ran."""
