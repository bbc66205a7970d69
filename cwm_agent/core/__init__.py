"""The loop, the session, and the record of it. Knows no screen, no engine, no model."""
