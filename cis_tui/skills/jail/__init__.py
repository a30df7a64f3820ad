"""How a native skill is held to what it may do: Landlock, seccomp and limits, put on by a launcher of our own.

Everything here runs in the launcher too, which starts with the standard library alone: no module imports more than that
and its neighbours.
"""
