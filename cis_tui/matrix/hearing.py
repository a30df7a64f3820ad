"""What is heard of memory in a room: versions, how far others are, and what they have not heard."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace

from cis_tui.core.errors import CisError, Refused
from cis_tui.matrix.memory_parts import MemoryParts
from cis_tui.matrix.ranges import Ranges, common, count, joined, of_numbers
from cis_tui.matrix.sayings import Data, read_digest, read_memory, read_request
from cis_tui.memory.dots import Dot
from cis_tui.sync.entries import Arrived, check_signature, read_entry, with_value
from cis_tui.sync.sharing import Access


@dataclass(frozen=True, slots=True)
class Fetch:
    """A value that lies on a server."""

    place: str
    size: int
    sha256: str


class Hearing:
    """One node's ear in a room; for one thread at a time."""

    def __init__(self, parts: MemoryParts) -> None:
        self._parts = parts

    def take(self, did: str, data: Data) -> Generator[Fetch, bytes | None, None]:
        """Take what `did` has said of entries.

        Raises:
            Refused: it is not admitted (CIS-SYNC-033), or brings too much (CIS-SYNC-020), or too much that is
                forged (CIS-SYNC-034).
            CisError: it is not what nodes say (CIS-MATRIX-070, 071), or memory cannot be written.
        """
        said = read_memory(data)
        self._parts.inbox.check(did)
        arrived: list[Arrived] = []
        errors: list[CisError] = []
        for entry in said.entries:
            try:
                arrived.append(read_entry(entry))
            except CisError as error:
                errors.append(error)
        taken = self._parts.inbox.take_arrived(did, arrived, errors)
        whole = yield from self._fetch(did, taken.waiting, said.media)
        believed = self._believed(did, arrived)
        mine = did == self._parts.own and said.log == self._parts.ledger.log
        self._parts.ledger.note(believed, said.seq if mine else 0)
        self._parts.news.settled(believed)
        if mine:
            self._parts.ledger.catch_up(said.seq)
        elif did != self._parts.own and self._parts.policy.access(did) is Access.FULL:
            heard = joined(of_numbers([said.seq] if said.seq else []), said.fills) if whole else ()
            self._heard_of(did, said.log, max(said.last, said.seq), heard)

    def digest(self, did: str, data: Data) -> None:
        """Take how far `did` says to be.

        Raises:
            Refused: it is not admitted (CIS-SYNC-033).
            Invalid: it is not what nodes say (CIS-MATRIX-070).
        """
        said = read_digest(data)
        if did == self._parts.own:
            return
        self._check_admitted(did)
        self._heard_of(did, said.log, said.last)
        log, upto = said.heard.get(self._parts.own, ("", 0))
        if log == self._parts.ledger.log:
            self._parts.ledger.set_member(
                did, replace(self._parts.ledger.member(did), told=min(upto, self._parts.ledger.last))
            )
        self._parts.asking.sooner(did, self._parts.steady())

    def request(self, did: str, data: Data) -> None:
        """Take what `did` asks for, of this node or of another.

        Raises:
            Refused: it is not admitted (CIS-SYNC-033).
            Invalid: it is not what nodes say (CIS-MATRIX-070, 071).
        """
        wanted = read_request(data)
        if did == self._parts.own:
            return
        self._check_admitted(did)
        now = self._parts.steady()
        if wanted.did != self._parts.own:
            if common(self._parts.ledger.member(wanted.did).holes, wanted.ranges):
                self._parts.asking.others(wanted.did, now)
            return
        if not wanted.log:
            self._parts.digesting.again()
        if wanted.log in ("", self._parts.ledger.log) and self._parts.ledger.last:
            self._parts.answering.wanted(did, common(wanted.ranges, ((1, self._parts.ledger.last),)), now)
        self._parts.asking.sooner(did, now)

    def _fetch(
        self, did: str, waiting: Sequence[Arrived], media: Mapping[str, str]
    ) -> Generator[Fetch, bytes | None, bool]:
        """Take the entries of which the value lies elsewhere; whether all could be had."""
        whole = True
        for each in waiting:
            place = media.get(each.sha256, "")
            value = (yield Fetch(place, each.size, each.sha256)) if place else None
            try:
                arrived = with_value(each, value or b"")
            except CisError:  # it could not be had, or is another one
                whole = False
            else:
                self._parts.inbox.take_arrived(did, [arrived])
        return whole

    def _believed(self, did: str, arrived: Sequence[Arrived]) -> list[Dot]:
        """The versions that are known here, and were said in the room as their author has signed them."""
        lacking = set(self._parts.exchange.lacking(each.dot for each in arrived))
        believed: list[Dot] = []
        for each in arrived:
            try:
                if each.dot.origin != did:
                    check_signature(each)
            except CisError:
                continue
            if each.dot not in lacking:
                believed.append(each.dot)
        return believed

    def _heard_of(self, did: str, log: str, last: int, heard: Ranges = ()) -> None:
        before = self._parts.ledger.member(did)
        after = before.with_news(log, last, heard)
        if after.log == before.log:
            self._parts.healed += count(common(before.holes, after.ranges))
        if after != before:
            self._parts.ledger.set_member(did, after)
            self._parts.digesting.changed(self._parts.steady())
        self._parts.asking.hole(did, after.holes, self._parts.steady())

    def _check_admitted(self, did: str) -> None:
        if self._parts.policy.access(did) is not Access.FULL:
            raise Refused("CIS-SYNC-033", f"{did} is not admitted")
