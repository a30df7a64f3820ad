"""The room's screen: what it shows of all kinds of messages, and its keys."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cis_tui.core.errors import Unavailable
from cis_tui.core.events import Event
from cis_tui.core.paths import Home
from cis_tui.matrix.messages import MessagePage, RoomMessage
from cis_tui.matrix.model import MatrixMember, MatrixStatus
from cis_tui.tui.app import CisApp
from cis_tui.tui.room_log import KEPT, RoomLog
from cis_tui.tui.room_words import people
from cis_tui.tui.screens.room import RoomScreen
from cis_tui.tui.store import Changes
from tests.tui.helpers import NOW, HandClock, show, text_of, until, workspace
from tests.tui.peers import BUSY, PEERS
from tests.tui.room import AWAY, BOB, ME, MEMBERS, MESSAGES, PAGE, fill_room, hostile_page, matrix, message

if TYPE_CHECKING:
    from textual.pilot import Pilot

SIZES = pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=lambda size: "x".join(map(str, size)))


class FakeEngine:
    """Gives pages, and notes what is asked of it."""

    def __init__(self, page: MessagePage = PAGE, status: MatrixStatus | None = None) -> None:
        self.page = page
        self.known: dict[str, Any] = {
            "memory_conflicts": (),
            "peer_status": BUSY,
            "peer_list": PEERS,
            "matrix_status": status or matrix(),
            "matrix_members": MEMBERS,
        }
        self.older: dict[str, MessagePage] = {}
        self.asked: list[tuple[Any, ...]] = []
        self.fails = False

    async def matrix_messages(self, *, before: str = "", limit: int = 100) -> MessagePage:
        return self.older.get(before, MessagePage("!r")) if before else self.page

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **options: Any) -> Any:
            if name in self.known:
                return self.known[name]
            self.asked.append((name, *args, options) if options else (name, *args))
            if self.fails and name == "matrix_say":
                raise Unavailable("CIS-MATRIX-034", "nobody is logged in")

        return call


def room(app: CisApp) -> RoomScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, RoomScreen)
    return screen


async def enter(app: CisApp, pilot: Pilot[None], engine: FakeEngine | None = None) -> FakeEngine:
    """Go to the room, which is given by a fake engine."""
    engine = engine or FakeEngine()
    app.link._api = engine  # type: ignore[assignment]
    fill_room(app, engine.known["matrix_status"])
    await pilot.press("3", "m")
    known = engine.known["matrix_status"].room_id
    await until(pilot, lambda: app.current_mode == "room" and (room(app).history.known or not known))
    app.clear_notifications()
    await pilot.pause()
    return engine


async def test_what_others_write_is_text(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await enter(app, pilot, FakeEngine(hostile_page()))
        await pilot.press("escape", "end")
        await pilot.pause()
        assert "[@click=app.quit]" in text_of(app) and "\x1b" not in text_of(app) and "\u202e" not in text_of(app)


async def test_forty_columns_keep_who_says_what(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(40, 20)) as pilot:
        await enter(app, pilot)
        await pilot.press("escape", "end")
        await pilot.pause()
        rows = text_of(app).split("\n")
        assert any(row.startswith("   On it.") for row in rows)
        assert any("▣ you @ann:one.example" in row for row in rows)
        assert any("✗ not sent: this is more" in row for row in rows)
        assert all(len(row) <= 40 for row in rows)


def lines(app: CisApp) -> list[str]:
    """The messages that are in view."""
    return [row.strip(" ▁▂▃▄▅▆▇█") for row in text_of(app).split("\n") if "line " in row]


def many(first: int, last: int) -> tuple[RoomMessage, ...]:
    return tuple(message(number, "@bob:one.example", f"line {number}") for number in range(first, last))


async def test_older_messages_come_at_the_top_and_what_is_read_stays_where_it_is(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        engine = FakeEngine(MessagePage("!r", many(100, 200), "a"))
        engine.older["a"] = MessagePage("!r", many(0, 101), "b")
        engine.older["b"] = MessagePage("!r", (), "", problem="")
        await enter(app, pilot, engine)
        assert "line 199" in text_of(app) and "more below" not in text_of(app)
        await pilot.press("pageup")
        await until(pilot, lambda: "line 199" not in text_of(app) and "more below" in text_of(app))
        assert room(app).text.has_focus, "the line keeps the keys"
        before: list[str] = []
        for _ in range(20):
            before = lines(app)
            await pilot.press("pageup")
            await until(pilot, lambda before=before: lines(app) != before or len(room(app).history.messages) == 200)
            if len(room(app).history.messages) == 200:
                break
        assert len(room(app).history.messages) == 200, "each once"
        assert set(before) & set(lines(app)) or "line 10" in "".join(lines(app)), "what was read is near"
        await pilot.press("escape", "home")
        await until(pilot, lambda: not room(app).history.before)
        await pilot.press("end")
        await pilot.pause()
        assert "line 199" in text_of(app)


async def test_what_comes_moves_nothing(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        engine = await enter(app, pilot, FakeEngine(MessagePage("!r", many(0, 60), "")))
        await pilot.press(*"half a", "pageup", "pageup")
        await pilot.pause()
        before = lines(app)
        engine.page = MessagePage("!r", (*many(0, 60), message(61, BOB, "something new")), "")
        show(app, Changes(room=True))
        await until(pilot, lambda: len(room(app).history.messages) == 61)
        assert lines(app) == before
        assert room(app).text.has_focus and room(app).text.text == "half a"
        await pilot.press("pagedown", "pagedown", "pagedown")
        await until(pilot, lambda: "something new" in text_of(app))
        await until(pilot, lambda: ("matrix_read", "$e61") in engine.asked)


async def test_a_message_is_said_answered_edited(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30)) as pilot:
        engine = await enter(app, pilot)
        await pilot.press(*"hello", "ctrl+j", *"you", "enter")
        await until(pilot, lambda: ("matrix_say", "hello\nyou", {"answers": "", "emote": False}) in engine.asked)
        assert room(app).text.text == ""
        await pilot.press(*"/me waves", "enter", *"/dance", "enter")
        await until(pilot, lambda: ("matrix_say", "waves", {"answers": "", "emote": True}) in engine.asked)
        assert room(app).text.text == "/dance", "a command that is not there is not said"
        room(app).text.write("")

        await pilot.press("escape", "end", *["up"] * 3, "r")
        await pilot.pause()
        assert "answering @carol:two.example" in text_of(app)
        await pilot.press(*"yes", "enter")
        await until(pilot, lambda: ("matrix_say", "yes", {"answers": "$e122", "emote": False}) in engine.asked)
        assert "answering" not in text_of(app)

        await pilot.press(*"draft", "escape", "end", *["up"] * 2, "e")
        await pilot.pause()
        assert room(app).text.text == "On it." and "editing your message" in text_of(app)
        await pilot.press("escape")
        assert room(app).text.text == "draft"
        await pilot.press("escape", "e", *" Now", "enter")
        await until(pilot, lambda: ("matrix_edit", "$e123", "On it. Now") in engine.asked)
        assert room(app).text.text == "draft"


async def test_what_cannot_be_said_is_in_the_line_again(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        engine = await enter(app, pilot)
        engine.fails = True
        await pilot.press(*"hello", "enter")
        await until(pilot, lambda: room(app).text.text == "hello")
        await until(pilot, lambda: "nobody is logged in" in text_of(app))


async def test_reactions_removal_another_try_and_copies(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 34)) as pilot:
        engine = await enter(app, pilot)
        await pilot.press("escape", "end", "R")
        await until(pilot, lambda: ("matrix_retry", "$e125") in engine.asked)
        await pilot.press("D")
        await until(pilot, lambda: "Forget this message?" in text_of(app))
        await pilot.press("y")
        await until(pilot, lambda: ("matrix_remove", "$e125") in engine.asked)
        await pilot.press(*["up"] * 3, "x")
        await until(pilot, lambda: "React how?" in text_of(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: ("matrix_react", "$e122", "👎") in engine.asked)
        await pilot.press("x", "end", "enter")
        await until(pilot, lambda: "an emoji or a word" in text_of(app))
        await pilot.press(*"+1", "ctrl+s")
        await until(pilot, lambda: ("matrix_react", "$e122", "+1") in engine.asked)
        await pilot.press("D")
        await until(pilot, lambda: "only moderators" in text_of(app))
        await pilot.press("n", "y")
        await pilot.pause()
        assert app.clipboard.startswith("@ann:one.example can you look")
        assert not [each for each in engine.asked if each[:2] == ("matrix_remove", "$e122")]
        await pilot.press("enter")
        await until(pilot, lambda: "This message" in text_of(app))
        assert "calls itself Carol" in text_of(app) and "no node" in text_of(app)


async def test_people_only_and_words_that_are_looked_for(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 60)) as pilot:
        await enter(app, pilot)
        await pilot.press("escape")
        assert "12 keys from laptop" in text_of(app)
        await pilot.press("f")
        await until(pilot, lambda: "12 keys" not in text_of(app) and "people only" in text_of(app))
        assert "waves" in text_of(app)
        await pilot.press("slash", *"wheels", "enter")
        await until(pilot, lambda: "waves" not in text_of(app) and "The wheels are built" in text_of(app))
        await pilot.press("home", "escape")
        await until(pilot, lambda: "waves" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.current_mode == "peers")


async def test_the_line_below_which_all_is_new_goes_once_it_was_seen(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 60)) as pilot:
        engine = await enter(app, pilot)
        assert "── new ──" in text_of(app)
        await until(pilot, lambda: ("matrix_read", "$e123") in engine.asked)
        assert "── new ──" in text_of(app), "not while one looks"
        engine.page = MessagePage("!r", MESSAGES, "", read="$e123")
        await pilot.press("escape", "3")
        await until(pilot, lambda: app.current_mode == "peers")
        app.store.apply([Event(9, NOW, "MatrixMessage", {"room": "!r", "sender": BOB, "own": False})])
        show(app, Changes(unread=True))
        await until(pilot, lambda: "3 Peers•" in text_of(app))
        await pilot.press("m")
        await until(pilot, lambda: app.current_mode == "room" and "── new ──" not in text_of(app))
        assert "3 Peers•" not in text_of(app)


async def test_the_seconds_until_the_homeserver_is_asked_again_are_counted(home: Home) -> None:
    clock = HandClock()
    app = workspace(home, clock=clock)
    async with app.run_test(size=(100, 30)) as pilot:
        await enter(app, pilot, FakeEngine(status=AWAY))
        await pilot.press("escape")
        await until(pilot, lambda: "homeserver away, again in 8 s: the homeserver is away: connection" in text_of(app))
        clock.forward(3)
        await until(pilot, lambda: "homeserver away, again in 5 s" in text_of(app))
        await pilot.press("3")
        await until(pilot, lambda: "Matrix ✗ homeserver away, again in 5 s" in text_of(app))
        clock.forward(1)
        await until(pilot, lambda: "Matrix ✗ homeserver away, again in 4 s" in text_of(app))


async def test_what_comes_while_one_looks_is_not_new(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        engine = await enter(app, pilot, FakeEngine(MessagePage("!r", many(0, 3), "")))
        for number in (3, 4):
            engine.page = MessagePage("!r", many(0, number + 1), "", read=f"$e{number - 1}")
            show(app, Changes(room=True))
            await until(pilot, lambda number=number: f"line {number}" in text_of(app))
        assert "── new ──" not in text_of(app)


async def test_without_a_login_it_tells_how_to_get_one(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        nobody = MatrixStatus()
        engine = FakeEngine(status=nobody)
        await enter(app, pilot, engine)
        assert "cis matrix login" in text_of(app)
        await pilot.press("escape", "3", "v", "v")
        await until(pilot, lambda: "nobody is logged in" in text_of(app))


@pytest.mark.parametrize(("size", "keys"), [((80, 24), "vv"), ((200, 60), "")], ids=["80x24", "200x60"])
async def test_matrix_on_the_peers_screen(home: Home, size: tuple[int, int], keys: str) -> None:
    app = workspace(home)
    async with app.run_test(size=size) as pilot:
        fill_room(app)
        await pilot.press("3", *keys)
        await until(pilot, lambda: app.current_mode == "peers" and "homeserver   https" in text_of(app))
        assert "\x1b" not in text_of(app)


async def test_matrix_takes_the_place_of_the_peer_where_there_is_room_for_two(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(120, 40)) as pilot:
        fill_room(app)
        await pilot.press("3", "v", "v", "end")
        await until(pilot, lambda: "Set aside  7" in text_of(app))
        assert "this is a replay" in text_of(app) and "To be acknowledged" not in text_of(app)
        await pilot.press("v")
        await until(pilot, lambda: "To be acknowledged" in text_of(app))


async def test_however_much_is_said_it_is_read_once_at_a_time(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        engine = await enter(app, pilot)
        going = asyncio.Event()
        reads: list[int] = []

        async def slowly(*, limit: int = 100) -> MessagePage:
            reads.append(limit)
            await going.wait()
            return replace(PAGE, messages=(*MESSAGES, message(130, BOB, f"reading {len(reads)}")))

        engine.matrix_messages = slowly  # type: ignore[method-assign, assignment]
        for _ in range(50):
            show(app, Changes(room=True))
        await until(pilot, lambda: reads)
        going.set()
        await until(pilot, lambda: "reading 2" in text_of(app))
        assert len(reads) == 2


def test_of_an_account_with_several_nodes_the_one_that_was_denied_counts() -> None:
    def badge(*trusts: str) -> str:
        listed = [MatrixMember(BOB, did=f"did:key:z6Mk{number}", trust=trust) for number, trust in enumerate(trusts)]
        return people(listed, {}, ME).badge(BOB)[1]

    assert badge("own", "pending") == "own"
    assert badge("denied", "allowed") == "denied"
    assert badge() == "no node"


def test_a_room_that_is_open_for_weeks_is_kept_as_far_as_one_reads() -> None:
    log = RoomLog()
    told = [message(number, BOB, f"said {number}") for number in range(1, 3 * KEPT)]
    for end in range(50, len(told), 25):
        log.take(MessagePage("!r", tuple(told[end - 50 : end]), before=f"before {told[end - 50].id}"))
        assert log.messages == told[end - len(log.messages) : end], "none is missing between"
        assert len(log.messages) <= KEPT + 50
    assert log.before
