"""Markdown as lines of toned text, line by line as it comes: what was shown once is never worked out again.

Nothing in it can be clicked and no address is opened: a link is its words, and where it leads.
"""

from __future__ import annotations

import re

from cis_tui.core.text import clean
from cis_tui.tui.paint import Line, Piece, Tone, cell_len, fit

MAX_LINE = 4_000
"""Characters of a line of the source; a longer one goes on in the next line."""
MAX_TABLE = 200
"""Rows of a table that are put under each other."""
COLUMN = 40
"""Cells of a column of a table."""
MAX_COLUMNS = 24
"""Columns; the rest stands in the last one."""

_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})\s*(\S*)")
_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*$")
_BULLET = re.compile(r"(\s*)[-*+]\s+(.*)")
_NUMBER = re.compile(r"(\s*)(\d{1,9}[.)])\s+(.*)")
_QUOTE = re.compile(r"\s{0,3}>\s?(.*)")
_RULE = re.compile(r"\s{0,3}([-*_])(?:\s*\1){2,}\s*")
_ROW = re.compile(r"\s*\|.*\|\s*")
_DASHES = re.compile(r"[\s|:-]+")
_INLINE = re.compile(
    r"(?<!`)(?P<code>`{1,3})(?!`)(?P<in>.+?)(?<!`)(?P=code)(?!`)"
    r"|!?\[(?P<words>[^\]\n]{1,500})\]\((?P<to>[^()\s]{1,2000})(?:\s+\"[^\"]*\")?\)"
    r"|\*\*(?P<strong>[^*\n]+(?:\*[^*\n]+)*)\*\*"
    r"|(?<![\w*])\*(?P<stress>[^*\s][^*\n]*)\*(?![\w*])"
)


class Markdown:
    """A text that is still coming, or is whole."""

    def __init__(self, text: str = "") -> None:
        self.lines: list[Line] = []
        """What will not become different whatever comes; not wrapped to any width."""
        self._fence = ""
        self._table: list[str] = []
        self._shown_table: tuple[int, list[Line]] = (0, [])
        """The rows that were put under each other, and how they look."""
        self._tail = ""
        self.add(text)

    def add(self, text: str) -> None:
        """More of it has come."""
        *whole, last = (self._tail + clean(text)).split("\n")
        for line in whole:
            for part in _parts(line):
                self._take(part)
        *parts, self._tail = _parts(last)
        for part in parts:
            self._take(part)

    @property
    def open_lines(self) -> list[Line]:
        """What follows `lines` and may still become different: an unfinished line, or table."""
        if self._shown_table[0] != len(self._table):
            self._shown_table = (len(self._table), _table(self._table))
        lines, tail = list(self._shown_table[1]), self._tail
        if tail and not (self._table and tail.lstrip().startswith("|")):
            lines.append(_code(tail) if self._fence else _line(tail))
        return lines

    def _take(self, line: str) -> None:
        if self._fence:
            self._take_code(line)
            return
        if _ROW.fullmatch(line) and len(self._table) < MAX_TABLE:
            self._table.append(line)
            return
        if self._table:
            self.lines += _table(self._table)
            self._table, self._shown_table = [], (0, [])
        fence = _FENCE.match(line)
        if fence:
            self._fence = fence[1]
            self.lines.append([("  ", Tone.PLAIN), (fence[2] or "code", Tone.DIM)])
        else:
            self.lines.append(_line(line))

    def _take_code(self, line: str) -> None:
        bare = line.strip()
        if bare.startswith(self._fence) and not bare.strip(self._fence[0]):
            self._fence = ""
        else:
            self.lines.append(_code(line))


def _parts(line: str) -> list[str]:
    """A line in parts that are no longer than a line may be, between words where there are any."""
    parts: list[str] = []
    while len(line) > MAX_LINE:
        cut = line.rfind(" ", MAX_LINE // 2, MAX_LINE) + 1 or MAX_LINE
        parts.append(line[:cut])
        line = line[cut:]
    return [*parts, line]


def _code(line: str) -> Line:
    return [("│ ", Tone.DIM), (line.expandtabs(4), Tone.CODE)]


def _line(line: str) -> Line:
    """A line outside of code and tables."""
    line = line.expandtabs(4).rstrip()
    heading = _HEADING.fullmatch(line)
    if heading:
        return [(_bare(heading[1]), Tone.STRONG)]
    if _RULE.fullmatch(line):
        return [("─" * 20, Tone.DIM)]
    for pattern, mark in ((_BULLET, "• "), (_NUMBER, "")):
        found = pattern.fullmatch(line)
        if found:
            return [(f"{found[1][:12]}{mark or found[2] + ' '}", Tone.DIM), *inline(found[found.lastindex or 0])]
    quote = _QUOTE.fullmatch(line)
    if quote:
        return [("▏ ", Tone.DIM), *inline(quote[1])]
    return inline(line)


def inline(text: str) -> list[Piece]:
    """Code, strong and stressed words, and links, which lead nowhere but say where they would."""
    pieces: list[Piece] = []
    end = 0
    for found in _INLINE.finditer(text):
        if found.start() > end:
            pieces.append((text[end : found.start()], Tone.PLAIN))
        end = found.end()
        if found["code"]:
            pieces.append((found["in"], Tone.CODE))
        elif found["words"]:
            pieces += [(found["words"], Tone.PLAIN), (f" ({found['to']})", Tone.DIM)]
        else:
            pieces.append((found["strong"] or found["stress"], Tone.STRONG))
    if end < len(text) or not pieces:
        pieces.append((text[end:], Tone.PLAIN))
    return pieces


def _bare(text: str) -> str:
    return "".join(piece for piece, _ in inline(text))


def _table(rows: list[str]) -> list[Line]:
    """Rows with their columns under each other, the first one as head."""
    cells = [[_bare(cell.strip()) for cell in row.strip().strip("|").split("|", MAX_COLUMNS - 1)] for row in rows]
    dashes = [bool(_DASHES.fullmatch(row)) for row in rows]
    shown = [row for row, dash in zip(cells, dashes, strict=True) if not dash]
    widths = [
        min(COLUMN, max((cell_len(row[at]) for row in shown if at < len(row)), default=0))
        for at in range(max(map(len, shown), default=0))
    ]
    lines: list[Line] = []
    for number, row in enumerate(shown):
        pieces = [fit(cell, width) for cell, width in zip(row, widths, strict=False)]
        lines.append([("  ".join(pieces), Tone.STRONG if number == 0 and any(dashes) else Tone.PLAIN)])
    return lines
