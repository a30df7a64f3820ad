"""The door of memory: what a key and a value may be, and what becomes of a write before it is committed."""

from __future__ import annotations

from contextlib import suppress

from cis_tui.core.clock import Instant
from cis_tui.core.errors import Invalid
from cis_tui.memory.classify import classify, default_category
from cis_tui.memory.inherit import SAID, Kind, check_class, check_given
from cis_tui.memory.plan import Entry
from cis_tui.memory.records import MAX_KEY, MAX_RUN, MAX_VALUE, Domain, IndexType, MemoryWrite

MAX_CATEGORY = 64
"""Bytes of a category in UTF-8."""


def entry_of(write: MemoryWrite, default_domain: Domain | None, at: Instant) -> Entry:
    """`write`, made at the moment `at`, checked and classified (spec, Memory Write Flow, steps 1 and 2).

    Raises:
        Invalid: the key (CIS-MEM-001), the value (CIS-MEM-002) or the category (CIS-MEM-003) cannot be kept, or it is
            said to be of a kind that is earned (CIS-MEM-100).
        Refused: it is Sensitive, and said to be something else without `declassify` (CIS-MEM-084).
    """
    value = check_write(write)
    key, kind = write.key, write.index_type
    found = classify(key, value)
    if kind is not None and not write.declassify:
        check_class(key, Kind(found.index_type, found.reason, classed=False), kind)
    return Entry(
        key=key,
        value=value,
        domain=write.domain,
        default_domain=default_domain,
        category=write.category,
        index_type=kind or found.index_type,
        pinned=write.pinned,
        at=at,
        reason=SAID if kind else found.reason,
        classed=kind is not None,
        declassify=write.declassify,
        run=checked_run(write.run),
        public_only=write.public_only,
        secret_value=found.index_type is IndexType.SENSITIVE and classify("", value).index_type is IndexType.SENSITIVE,
    )


def check_write(write: MemoryWrite) -> str | bytes:
    """See that a write can be kept; gives its value as it would be.

    Raises:
        Invalid: the key (CIS-MEM-001), the value (CIS-MEM-002) or the category (CIS-MEM-003) cannot be, or its kind is
            earned (CIS-MEM-100).
    """
    key = checked_key(write.key)
    if write.index_type is not None:
        check_given(write.index_type)
    if write.category:
        check_line("CIS-MEM-003", "a category", write.category, MAX_CATEGORY)
    return _checked_value(key, write.value)


def deletion_of(key: str, at: Instant, run: str = "") -> Entry:
    """The deletion of `key`, asked for by `run` at the moment `at`.

    Raises:
        Invalid: there can be no such key (CIS-MEM-001).
    """
    kind = classify(checked_key(key)).index_type
    category = default_category(key)
    return Entry(key, None, None, None, category, kind, pinned=False, at=at, run=checked_run(run))


def checked_run(run: str) -> str:
    """`run`, which can name a run, or is empty.

    Raises:
        Invalid: it cannot (CIS-MEM-004).
    """
    if run:
        check_line("CIS-MEM-004", "the id of a run", run, MAX_RUN)
    return run


def checked_key(key: str) -> str:
    """`key`, which can be one.

    Raises:
        Invalid: it is empty, longer than 512 bytes, or not one line of text without space around it (CIS-MEM-001).
    """
    check_line("CIS-MEM-001", "a key", key, MAX_KEY)
    return key


def check_line(code: str, what: str, text: str, limit: int) -> None:
    """See that `text` is one line of at most `limit` bytes.

    Raises:
        Invalid: it is not (`code`).
    """
    size = _size(text)
    if size is None or not _one_line(text):
        raise Invalid(code, f"{what} is one line of text without control characters or space around it: {text!a:.80}")
    if not 0 < size <= limit:
        raise Invalid(code, f"{what} has 1 to {limit} bytes, this one has {size}: {text!a:.80}")


def _checked_value(key: str, value: str | bytes) -> str | bytes:
    """`value`; bytes that are UTF-8 become text, so that an entry is text wherever it can be."""
    if isinstance(value, bytes):
        size = len(value)
        with suppress(UnicodeDecodeError):
            value = value.decode()
    else:
        size = _size(value)
    if size is None:
        raise Invalid("CIS-MEM-002", f"the value of {key} is not text that UTF-8 can express", hint="give it as bytes")
    if size > MAX_VALUE:
        raise Invalid(
            "CIS-MEM-002",
            f"the value of {key} has {size} bytes, at most {MAX_VALUE} can be kept",
            hint="keep it in a file, and the file's name in memory",
        )
    return value


def _size(text: str) -> int | None:
    """The bytes of `text` in UTF-8; None when it has none (a lone surrogate)."""
    try:
        return len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        return None


def _one_line(text: str) -> bool:
    if text != text.strip():
        return False
    if text.isascii():
        return text.isprintable()
    from cis_tui.core.text import clean

    return clean(text) == text and "\t" not in text and len(text.splitlines()) == 1
