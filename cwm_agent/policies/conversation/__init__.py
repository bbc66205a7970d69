"""The history as a conversation, and the templates of what a model is told: shared by the policies that talk."""
