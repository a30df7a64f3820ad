"""Where attempts run: on this machine, or by the workers of others."""
