"""The file of a WASM skill: read once, checked, and run from the bytes that were read."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cis_tui.core.document import open_regular
from cis_tui.core.errors import Invalid, NotFound, Refused
from cis_tui.core.paths import real
from cis_tui.skills.wasm.binary import COMPONENT, MAGIC, Malformed, read_module
from cis_tui.skills.wasm.interface import problems_of

MAX_SOURCE = 32 * 1024 * 1024
"""Bytes of a module."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a module is made of."""

    data: bytes
    """A module in its binary form, or its text (WAT)."""
    digest: str
    """SHA-256 of that."""

    @property
    def is_text(self) -> bool:
        return not self.data.startswith(MAGIC)


def read_source(folder: Path, entry: str) -> Source:
    """The module `entry` in the folder of a skill.

    Raises:
        NotFound: there is none (CIS-SKILL-062).
        Refused: a link leads out of the folder (CIS-SKILL-063).
        Invalid: it is too long, or cannot be read (CIS-SKILL-064).
    """
    within = real(folder)
    path = real(within / entry)
    if not path.is_relative_to(within):
        raise Refused("CIS-SKILL-063", f"the module {entry} lies outside of the folder of the skill, {folder}")
    try:
        with open_regular(path, os.O_NOFOLLOW) as file:
            data = file.read(MAX_SOURCE + 1)
    except FileNotFoundError as error:
        raise NotFound("CIS-SKILL-062", f"the module {entry} does not exist", hint=f"looked in {folder}") from error
    except OSError as error:
        raise Invalid("CIS-SKILL-064", f"the module {entry} cannot be read: {error.strerror}") from error
    if len(data) > MAX_SOURCE:
        raise Invalid("CIS-SKILL-064", f"the module {entry} has more than {MAX_SOURCE >> 20} MB")
    return Source(data, hashlib.sha256(data).hexdigest())


def header_problems(source: Source, memory_mb: int) -> list[str]:
    """What is wrong with a module, as far as its header tells; of a text or a component nothing but that it is one."""
    if source.is_text:
        found = b"(module" in source.data or b"(component" in source.data
        return [] if found else ["it is neither a WebAssembly module nor the text of one"]
    if source.data.startswith(COMPONENT):
        return []
    try:
        return list(problems_of(read_module(source.data), memory_mb))
    except Malformed as error:
        return [str(error)]


def all_problems(source: Source, memory_mb: int) -> list[str]:
    """Everything that is wrong with a module, its code too. Loads the compiler: takes 100 ms at least."""
    import wasmtime
    from wasmtime.component import Component

    from cis_tui.skills.wasm.component import component_problems
    from cis_tui.skills.wasm.worker import configured

    try:
        binary = bytes(wasmtime.wat2wasm(source.data)) if source.is_text else source.data
    except wasmtime.WasmtimeError as error:
        return [f"its text is wrong: {message(error)}"]
    found = header_problems(Source(binary, ""), memory_mb)
    engine = configured()
    try:
        if binary.startswith(COMPONENT):
            found += component_problems(Component(engine, binary), engine)
        else:
            wasmtime.Module.validate(engine, binary)
    except wasmtime.WasmtimeError as error:
        found.append(message(error))
    return found


def message(error: Exception) -> str:
    """The lines of an error of the compiler in one."""
    lines = (line.strip() for line in str(error).splitlines())
    return "; ".join(line for line in lines if line)[:2000]
