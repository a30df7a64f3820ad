"""A fresh machine with no key: the command and the chat pane answer, with the real small model that packages bring."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from cis_tui.skills.guardian import marked
from tests.e2e.conftest import CIS, Project
from tests.e2e.terminal import PtyTerminal

LABEL = "SmolLM2 135M · small, often wrong"


def models(home: str) -> list[int]:
    """Processes of models whose engine has this home."""
    engines = set(marked(f"CIS_HOME={home}"))
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if b"cis_tui.agents.local_model" in command and parent in engines:
            found.append(int(entry.name))
    return found


def test_it_answers_on_a_fresh_machine_and_dies_with_its_engine(project: Project) -> None:
    listed = {str(agent["name"]): agent for agent in project.rows("agent", "list")}
    assert listed["local"]["default"] and listed["local"]["model"] == LABEL
    answer = project.json("agent", "ask", "What is the capital of France?")
    assert "Paris" in str(answer["text"]) and (answer["agent"], answer["model"]) == ("local", LABEL)

    terminal = PtyTerminal([str(CIS)], cwd=project.root, env=dict(os.environ), columns=120, rows=36)
    try:
        terminal.wait("engine ready")
        terminal.press("4")
        terminal.wait(f"{LABEL} · answers here, without a key")
        terminal.press("What is the capital of France?", "\r")
        screen = terminal.wait("Paris", seconds=60)
        assert f"local · {LABEL}" in screen
        terminal.press("Write a very long story about a cat and all of its friends.", "\r")
        terminal.wait("answering", seconds=60)
        (model,) = models(os.environ["CIS_HOME"])
        os.kill(int(str(project.json("engine", "status")["pid"])), signal.SIGKILL)
        deadline = time.monotonic() + 20
        while Path(f"/proc/{model}").exists():
            assert time.monotonic() < deadline, "the model outlives its engine"
            time.sleep(0.02)
    finally:
        terminal.close()
