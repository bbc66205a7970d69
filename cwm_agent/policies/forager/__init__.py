"""Search-based repair: localise, propose, screen, verify. No language model needed."""
