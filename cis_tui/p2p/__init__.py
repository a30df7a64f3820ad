"""Peers: who is near, who may speak, and what is said to them."""
