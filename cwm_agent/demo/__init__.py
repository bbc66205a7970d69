"""The sample repository that the demo repairs."""
