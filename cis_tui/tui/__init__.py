"""The workspace: the terminal face of an engine."""
