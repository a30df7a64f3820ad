"""A terminal workspace for a person and their agents."""

__version__ = "0.1.0"
