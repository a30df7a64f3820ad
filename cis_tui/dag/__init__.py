"""DAGs of tasks: definition, graph, scheduler, decisions and journal (spec, Task Execution Flow)."""
