"""The folder a person works in: its project.toml, its trust (spec, Project Session Flow)."""
