"""Programs that tasks and people call: found, read, and run as their manifest permits (spec, Skill Invocation Flow)."""
