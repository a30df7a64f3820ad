"""Agents: models and programs that are asked in words (spec, Agent Integration Flow)."""
