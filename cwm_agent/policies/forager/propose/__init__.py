"""Typed edits of suspicious statements: one file a family, each a generator of `Edit` values for one place."""
