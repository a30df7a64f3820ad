"""Votes and tasks between nodes: what is said, whatever carries it."""
