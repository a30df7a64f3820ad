"""What a native skill says while it is called, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path

from cis_tui.core.document import is_table
from cis_tui.core.errors import CisError, Invalid, TimedOut
from cis_tui.core.text import clean, clean_line
from cis_tui.skills.answer import ANSWER_KB, Answer, clean_tree, parse_answer
from cis_tui.skills.confine import limits_of
from cis_tui.skills.model import SkillManifest, SkillResult
from cis_tui.skills.overstepped import check_limits, denial
from cis_tui.skills.process import Ended, Sink

_LOG_END = 4096
MAX_LOG = 64 << 20
"""Bytes that one call may log."""


class Heard:
    """What a skill says: its answer, and the end of its log."""

    def __init__(self, manifest: SkillManifest, overflow: Path | None, on_log: Sink | None) -> None:
        self._manifest = manifest
        self._answer = Answer(manifest.limits.get("output_kb", ANSWER_KB) * 1024, overflow)
        self._most = limits_of(manifest).disk if overflow else self._answer.limit
        self._on_log = on_log
        self._log = bytearray()
        self._logged = 0

    def answer(self, data: bytes) -> bool:
        """Take a part of its answer; False when it answers without end."""
        self._answer.feed(data)
        if self._on_log:
            self._on_log(data)
        return self._answer.size <= self._most

    def log(self, data: bytes) -> bool:
        """Take a part of its log; False when it logs without end."""
        self._logged += len(data)
        self._log.extend(data)
        del self._log[:-_LOG_END]
        if self._on_log:
            self._on_log(data)
        return self._logged <= MAX_LOG

    def close(self) -> None:
        """No more is to come."""
        self._answer.close()

    def result(self, ended: Ended, timeout: float | None, *, confined: bool) -> SkillResult:
        """What the call gave, see `NativeSkills.run`."""
        answer, name = self._answer, self._manifest.name
        log = self._log.decode("utf-8", "replace")
        if ended.exit_code is None:
            raise TimedOut("CIS-SKILL-024", f"timed out after {timeout or 0:g} s", context={"skill": name})
        self._check_length()
        if self._logged > MAX_LOG:
            raise Invalid("CIS-SKILL-046", f"the skill {name} logged more than {MAX_LOG >> 20} MB")
        if confined:
            check_limits(self._manifest, ended, limits_of(self._manifest), log)
        note = denial(self._manifest, ended, log) if confined else ""
        if ended.exit_code != 0:
            text = clean(answer.text or log).strip()
            return SkillResult(False, text, ended.exit_code, ended.duration, answer.file, note)
        # The beginning of a JSON document is none.
        output = clean(answer.text, limit=len(answer.text) + 1) if answer.too_long else parse_answer(answer.text)
        return SkillResult(True, output, ended.exit_code, ended.duration, answer.file, note)

    def line(self, duration: float) -> SkillResult:
        """What the line gave that a warm skill answered with; an object with `"success": false` is a failure.

        Raises:
            Invalid: it is too long (CIS-SKILL-025).
            CisError: it is no JSON (CIS-SKILL-051).
        """
        self._check_length()
        answer, text = self._answer, self._answer.text
        if answer.too_long:
            return SkillResult(True, clean(text, limit=len(text) + 1), 0, duration, answer.file)
        try:
            output = clean_tree(json.loads(text))
        except (ValueError, RecursionError) as error:
            message = f"the skill {self._manifest.name} is warm, and answered what is no JSON: {error}"
            hint = f"it begins with {clean_line(text[:80])}" if text else "it answered an empty line"
            raise CisError("CIS-SKILL-051", message, hint=hint, context={"skill": self._manifest.name}) from None
        failed = is_table(output) and output.get("success") is False
        return SkillResult(not failed, output, int(failed), duration)

    def said(self) -> str:
        """The end of its log, as one line."""
        return clean_line(self._log.decode("utf-8", "replace").strip()[-200:])

    def _check_length(self) -> None:
        answer = self._answer
        if (answer.too_long and not answer.file) or answer.size > self._most:
            why = f": {answer.failure}" if answer.failure else ""
            message = f"the skill {self._manifest.name} answered more than {self._most // 1024} kB{why}"
            raise Invalid("CIS-SKILL-025", message)
