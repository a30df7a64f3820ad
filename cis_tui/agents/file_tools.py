"""Files of the project as tools."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from cis_tui.agents.conversations import Conversations, FileWrite
from cis_tui.agents.files import MAX_FILE, MAX_FOUND, MAX_LINES, Content, ProjectFiles, runs_by_itself, secretive
from cis_tui.agents.policy import Level, Policy
from cis_tui.agents.provider import ToolSpec
from cis_tui.agents.tools import Caller, Input, Tool, schema
from cis_tui.core.errors import Invalid
from cis_tui.core.text import count

_PATH = "relative to the project's folder"
_NEW_FILE = 0o644


def file_tools(project: str, store: Conversations, *, closed: Path, policy: Callable[[], Policy]) -> tuple[Tool, ...]:
    """Read, list, search, write and edit; every write is kept so that it can be taken back.

    `closed`: the home, of which agents see no file, wherever it lies. `policy`: what holds now; a search looks into no
    file that may not be read unasked.
    """
    files = ProjectFiles(Path(project), closed=closed)
    writer = _Writer(files, store)

    async def read(input: Input, caller: Caller) -> str:
        content = await asyncio.to_thread(files.read, str(input["path"]))
        lines = content.text.splitlines()
        first = max(_whole(input.get("from"), 1), 1)
        most = min(max(_whole(input.get("count"), MAX_LINES), 1), MAX_LINES)
        part = lines[first - 1 : first - 1 + most]
        left = len(lines) - (first - 1 + len(part))
        return "\n".join(part) + (f"\n(… {count(left, 'more line')}; ask from {first + len(part)})" if left > 0 else "")

    async def list_folder(input: Input, caller: Caller) -> str:
        return "\n".join(await asyncio.to_thread(files.list, str(input.get("path", "")))) or "the folder is empty"

    async def grep(input: Input, caller: Caller) -> str:
        if not input["text"]:
            raise Invalid("CIS-AGENT-026", "file_grep: the text is empty")
        rules, left = await asyncio.to_thread(policy), set[str]()

        def skip(name: str) -> bool:
            if rules.asks("file_read", name):
                left.add(name)
            return name in left

        found = files.grep(str(input["text"]), str(input.get("path", "")), str(input.get("glob", "")), skip)
        lines = await asyncio.to_thread(lambda: list(islice(found, MAX_FOUND + 1)))
        more = "\n(… and more)" if len(lines) > MAX_FOUND else ""
        more += f"\n({count(len(left), 'file')} not looked into: not to be read unasked)" if left else ""
        return ("\n".join(lines[:MAX_FOUND]) or "it is nowhere") + more

    def about(input: Input) -> str:
        return files.name(str(input.get("path", "")))

    def secret(input: Input) -> str:
        return "such a file usually holds secrets" if secretive(about(input)) else ""

    def code(input: Input) -> str:
        return runs_by_itself(about(input)) or secret(input)

    whole = {"type": "integer"}
    return (
        Tool(
            ToolSpec(
                "file_read",
                "Read a text file of the project.",
                schema(
                    ["path"],
                    path=_PATH,
                    **{"from": {**whole, "description": "first line, from 1"}},
                    count={**whole, "description": "lines"},
                ),
            ),
            read,
            kin=("file_grep",),
            always_ask=secret,
            level=Level.MECHANICAL,
            about=about,
        ),
        Tool(
            ToolSpec("file_list", "List a folder of the project.", schema(path=_PATH)),
            list_folder,
            level=Level.MECHANICAL,
            about=about,
        ),
        Tool(
            ToolSpec(
                "file_grep",
                "Find lines with a text in the project's files.",
                schema(["text"], text="looked for as it stands", path=_PATH, glob="such as **/*.py"),
            ),
            grep,
            kin=("file_read",),
            always_ask=secret,
            level=Level.MECHANICAL,
            about=about,
        ),
        Tool(
            ToolSpec(
                "file_write",
                "Write a whole file of the project; what was there is replaced.",
                schema(["path", "content"], path=_PATH, content="the whole text"),
            ),
            writer.write,
            kin=("file_edit",),
            level=Level.CONFIRMED,
            about=about,
            preview=writer.preview_write,
            always_ask=code,
        ),
        Tool(
            ToolSpec(
                "file_edit",
                "Replace a text in a file of the project.",
                schema(
                    ["path", "old", "new"],
                    path=_PATH,
                    old="the text to replace, exactly as it stands",
                    new="what comes in its place",
                    all={"type": "boolean", "description": "replace it everywhere in the file"},
                ),
            ),
            writer.edit,
            kin=("file_write", "file_read"),
            level=Level.CONFIRMED,
            about=about,
            preview=writer.preview_edit,
            always_ask=code,
        ),
    )


class _Writer:
    """Writes files, each with what was there before kept first."""

    def __init__(self, files: ProjectFiles, store: Conversations) -> None:
        self._files = files
        self._store = store

    async def preview_write(self, input: Input, caller: Caller) -> str:
        return await asyncio.to_thread(self._diff, *self._written(input))

    async def write(self, input: Input, caller: Caller) -> str:
        return await asyncio.to_thread(lambda: self._write(*self._written(input), caller))

    async def preview_edit(self, input: Input, caller: Caller) -> str:
        return await asyncio.to_thread(lambda: self._diff(*self._edited(input)))

    async def edit(self, input: Input, caller: Caller) -> str:
        return await asyncio.to_thread(lambda: self._write(*self._edited(input), caller))

    def _written(self, input: Input) -> tuple[str, Content | None, str]:
        path = str(input["path"])
        return path, self._files.before(path), str(input["content"])

    def _edited(self, input: Input) -> tuple[str, Content | None, str]:
        path, every = str(input["path"]), input.get("all") is True
        content, text = self._files.edited(path, str(input["old"]), str(input["new"]), every=every)
        return path, content, text

    def _diff(self, path: str, before: Content | None, text: str) -> str:
        return self._files.diff(path, before, text)

    def _write(self, path: str, before: Content | None, text: str, caller: Caller) -> str:
        data = text.encode("utf-8", "replace")
        if len(data) > MAX_FILE:
            raise Invalid("CIS-AGENT-031", f"the text is larger than {MAX_FILE} bytes")
        mode = before.mode if before else _NEW_FILE
        name = self._files.name(path)
        after = hashlib.sha256(data).hexdigest()
        kept = FileWrite(name, before.raw if before else None, mode, after)
        self._store.note_write(caller.conversation, caller.turn, kept)
        self._files.write(path, data, mode)
        return f"{'replaced' if before else 'made'} {name}, {count(len(text.splitlines()), 'line')}"


def _whole(value: object, default: int) -> int:
    return value if isinstance(value, int) else default
