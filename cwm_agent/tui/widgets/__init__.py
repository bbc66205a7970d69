"""Widgets: attributes down, messages up, each with its own style."""
