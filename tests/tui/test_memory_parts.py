"""What the memory screen is made of, without a screen: pages, the open tree, the lines of an entry."""

from __future__ import annotations

from cis_tui.core.clock import Instant
from cis_tui.memory.branches import MemoryBranch, MemoryTree
from cis_tui.memory.layers import Layer, LayerStats
from cis_tui.memory.records import Domain, IndexType, KeyState, MemoryConflict, MemoryPage
from cis_tui.memory.stats import DomainStats, LogStats, MemoryStats
from cis_tui.memory.versions import moment, tick
from cis_tui.tui.memory_detail import MASK, conflict_lines, history_lines, memory_lines, pretty, preview
from cis_tui.tui.memory_layers import layers_lines
from cis_tui.tui.pages import Pages
from cis_tui.tui.paint import Line, Tone, fit_line, line_width
from cis_tui.tui.prefixes import Prefixes, parent
from tests.tui.helpers import DID, NOW, item


def text(lines: list[Line]) -> str:
    return "\n".join("".join(piece for piece, _ in line) for line in lines)


def test_pages_are_asked_for_once_and_only_where_they_are_looked_at() -> None:
    pages = Pages()
    assert pages.to_read(0, 30) == [0]
    assert pages.to_read(0, 30) == []
    pages.total = 1000
    assert pages.to_read(250, 320) == [200, 300]
    assert pages.item(250) is None
    pages.take(200, MemoryPage((item("a"), item("b")), 900))
    assert (pages.total, pages.index_of("b")) == (900, 201)


def level(prefix: str, *names: str, complete: bool = True) -> MemoryTree:
    branches = tuple(MemoryBranch(f"{prefix}{name}/", 2) for name in names)
    return MemoryTree(prefix, 2 * len(names), branches, complete)


def test_the_tree_shows_what_is_open_and_was_read() -> None:
    prefixes = Prefixes()
    assert prefixes.rows() == []
    prefixes.open("a/")
    prefixes.open("a/b/")
    assert prefixes.opened == ["", "a/", "a/b/"]
    prefixes.take([level("", "a", "c"), level("a/", "b")])
    assert [(row.prefix, row.depth, row.open) for row in prefixes.rows()] == [
        ("", 0, True),
        ("a/", 1, True),
        ("a/b/", 2, False),
        ("c/", 1, False),
    ]
    prefixes.close("a/")
    assert prefixes.opened == [""]
    prefixes.take([level("", "a", complete=False)])
    assert [row.more for row in prefixes.rows()] == [False, False, True]
    assert [parent("a/b/"), parent("a/"), parent("")] == ["a/", "", ""]


def test_values_that_are_no_text_are_described() -> None:
    assert preview(item("blob", b"\xff\xfe\x00")) == "3 bytes that are not text"


def test_json_is_laid_out_and_everything_else_left_as_it_is() -> None:
    assert pretty('{"a": [1, "ä"]}') == '{\n  "a": [\n    1,\n    "ä"\n  ]\n}'
    assert pretty("{not json") == "{not json"
    assert pretty("[" * 10_000) == "[" * 10_000


def test_an_entry_tells_why_it_is_what_it_is_and_where_it_goes() -> None:
    secret = item("user/token", "s3cret", index_type=IndexType.SENSITIVE, reason='the key says "token"')
    said = text(memory_lines(secret, ()))
    assert 'the key says "token"' in said and "never leaves this machine" in said
    assert MASK in said and "s3cret" not in said
    assert "s3cret" in text(memory_lines(secret, (), revealed=True))
    public = text(memory_lines(item("a", domain=Domain.PUBLIC, classed=True), ()))
    assert "a person said so" in public and "shared with the peers that you allow" in public
    exposed = text(memory_lines(item("a", domain=Domain.PUBLIC, index_type=IndexType.SENSITIVE), ()))
    assert "never shared" in exposed and "in clear on this disk" in exposed and "that you allow" not in exposed


def test_a_conflict_names_the_node_that_wrote_the_other_version() -> None:
    theirs = item("k", "theirs", origin="did:key:elsewhere", domain=Domain.PUBLIC)
    named = {"did:key:elsewhere": "\x1b[31mlaptop"}
    said = text(
        memory_lines(item("k", "ours"), (), conflict=MemoryConflict("k", item("k", "ours"), (theirs,)), names=named)
    )
    assert "conflict with laptop (elsewhere)'s version of 2026-11-24 00:00:00 UTC" in said and "theirs" in said
    mine = MemoryConflict("k", theirs, (item("k", "ours"),))
    assert "conflict with your own version" in text(conflict_lines(mine, me=DID))
    secret = MemoryConflict("k", theirs, (item("k", "s3cret", index_type=IndexType.SENSITIVE),))
    assert "s3cret" not in text(conflict_lines(secret))


def test_a_history_tells_what_became_of_each_version() -> None:
    first = tick(NOW)
    versions = (
        item("k", "one", created_at=moment(tick(Instant(NOW + 20))), undoes=first),
        item("k", "", created_at=NOW, deleted=True),
        item("k", "else", created_at=moment(tick(Instant(NOW - 20))), concurrent=True, origin="did:key:elsewhere"),
    )
    said = text(history_lines(versions))
    assert "3 versions" in said
    assert "takes a change back" in said
    assert "taken back" in said and "✗ deleted" in said
    assert "written without knowing" in said and "by elsewhere" in said
    assert history_lines(versions[:1]) == []


def test_the_layers_are_told_with_and_without_answers() -> None:
    layers = (LayerStats(Layer.CACHE, 4, 3, 2e-6, 5e-3), LayerStats(Layer.ARCHIVES, 0, 0, 0.0, 0.0))
    private = DomainStats(
        Domain.PRIVATE, None, {}, (LogStats("2026-W47", None, 2048),), 0, 0, "private memory is locked"
    )
    said = text(layers_lines(MemoryStats((private,), layers, 1, KeyState("file", locked=False))))
    assert "75%" in said and "half within 2 µs, 95 of 100 within 5.0 ms" in said
    assert "not asked yet" in said and "✗ private memory is locked" in said
    assert "private  entries unknown, 1 open week" in said and "2026-W47  2 KB" in said


def test_a_line_is_made_to_fit_whatever_it_holds() -> None:
    line = [("abc", Tone.PLAIN), ("漢字", Tone.STRONG)]
    for width in range(10):
        assert line_width(fit_line(line, width)) == width
    assert fit_line(line, 3) == [("ab…", Tone.PLAIN)], "what is cut says so"
