"""The commands, one module for each first word; each loads what it needs only when it runs."""
