"""Answering decisions: only on purpose, only by whom the keys belong to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input, TextArea

from cis_tui.core.codec import encode
from cis_tui.core.events import Event
from cis_tui.core.paths import Home
from cis_tui.dag.answers import Refusal
from cis_tui.dag.views import Ballot, Choice, Decision, DecisionKind, Subject
from cis_tui.tui.read_only import QUESTIONS
from cis_tui.tui.screens.form import Field, FormDialog
from cis_tui.tui.store import LinkState
from cis_tui.tui.widgets.chat_line import ChatLine
from cis_tui.tui.widgets.prompt import DEAF, Answer, DecisionPrompt, Wish
from tests.tui.helpers import NOW, ROOT, HandClock, decision, text_of, until, vote, workspace
from tests.tui.world import CONVERSATION, TOOL, World


class Asking(App[None]):
    """A prompt beside something to type into."""

    def __init__(self, asked: Decision) -> None:
        super().__init__()
        self.seconds = 0.0
        self.clock = HandClock()
        self.asked = asked
        self.answers: list[object] = []
        self.reasons: list[str] = []

    def compose(self) -> ComposeResult:
        yield Input()
        self.prompt = DecisionPrompt(self.clock, lambda: self.seconds)
        yield self.prompt

    def on_mount(self) -> None:
        self.prompt.show(self.asked)

    def on_decision_prompt_answered(self, event: DecisionPrompt.Answered) -> None:
        self.answers.append(event.how or event.answer)
        self.reasons.append(event.reason)

    def on_decision_prompt_voted(self, event: DecisionPrompt.Voted) -> None:
        self.answers.append(event.choice)
        self.reasons.append(event.reason)

    def on_decision_prompt_wished(self, event: DecisionPrompt.Wished) -> None:
        self.answers.append(event.wish)

    def on_decision_prompt_inspect(self, event: DecisionPrompt.Inspect) -> None:
        self.answers.append("inspect")

    def on_decision_prompt_left(self, event: DecisionPrompt.Left) -> None:
        self.answers.append("left")

    def said(self, width: int = 100) -> str:
        lines = [self.prompt.line(y, width) for y in range(4)]
        return "\n".join("".join(text for text, _ in line) for line in lines)


COUNTING = decision("wheel", DecisionKind.RECOMMENDED)
SURE = decision("publish", DecisionKind.CONFIRMED, left=300)
CALL = replace(SURE, run="", dag="", task="greet", subject=Subject.SKILL)


async def test_a_prompt_that_just_got_the_keys_is_deaf() -> None:
    app = Asking(SURE)
    async with app.run_test() as pilot:
        app.prompt.focus()
        await pilot.pause()
        app.seconds = DEAF - 0.01
        await pilot.press("y")
        assert app.answers == []
        app.seconds = DEAF + 0.01
        await pilot.press("y")
        assert app.answers == [Answer.APPROVE]


async def test_a_prompt_that_changes_under_the_finger_is_deaf_again() -> None:
    app = Asking(SURE)
    async with app.run_test() as pilot:
        app.prompt.focus()
        app.seconds = 10
        app.prompt.show(replace(SURE, id="another"))
        await pilot.press("y")
        assert app.answers == []
        app.seconds = 11
        app.prompt.show(replace(SURE, id="another", reason="the same one, updated"))
        await pilot.press("n")
        assert app.answers == [Answer.REJECT]


async def test_enter_answers_nothing() -> None:
    app = Asking(SURE)
    async with app.run_test() as pilot:
        app.prompt.focus()
        await pilot.pause()
        app.seconds = 10
        await pilot.press("enter", "enter")
        assert app.answers == []


async def test_keys_that_are_typed_elsewhere_answer_nothing() -> None:
    app = Asking(SURE)
    async with app.run_test() as pilot:
        app.query_one(Input).focus()
        app.seconds = 10
        await pilot.press("y", "n", "space", "i")
        assert app.answers == []
        assert app.query_one(Input).value == "yn i"


@pytest.mark.parametrize(
    ("asked", "key", "answer"),
    [
        (COUNTING, "space", Answer.HOLD),
        (COUNTING, "y", Answer.APPROVE),
        (COUNTING, "n", Answer.REJECT),
        (COUNTING, "e", Wish.EDIT),
        (COUNTING, "E", Wish.EDITOR),
        (COUNTING, "c", Wish.REASON),
        (COUNTING, "A", None),
        (replace(SURE, alike="every one"), "A", Wish.ALIKE),
        (COUNTING, "s", None),
        (vote(), "N", None),
        (vote(), "e", None),
        (CALL, "y", Answer.APPROVE),
        (CALL, "N", None),
        (CALL, "e", Wish.EDIT),
        (COUNTING, "i", "inspect"),
        (COUNTING, "escape", "left"),
        (SURE, "space", None),
        (SURE, "v", None),
        (SURE, "a", None),
        (vote(), "y", None),
        (vote(), "n", None),
    ],
)
async def test_each_kind_knows_its_keys(asked: Decision, key: str, answer: object) -> None:
    app = Asking(asked)
    async with app.run_test() as pilot:
        app.prompt.focus()
        await pilot.pause()
        app.seconds = 10
        await pilot.press(key)
        assert app.answers == ([] if answer is None else [answer])


@pytest.mark.parametrize(("key", "choice"), [("a", Choice.APPROVE), ("r", Choice.REJECT), ("b", Choice.ABSTAIN)])
async def test_a_vote_takes_two_keys(key: str, choice: Choice) -> None:
    app = Asking(vote())
    async with app.run_test() as pilot:
        app.prompt.focus()
        await pilot.pause()
        app.seconds = 10
        await pilot.press(key)
        assert app.answers == []
        await pilot.press("v", key)
        assert app.answers == [choice]


@pytest.mark.parametrize(("key", "how"), [("s", Refusal.SKIP), ("f", Refusal.FAIL), ("x", Refusal.ABORT)])
async def test_another_no_takes_two_keys(key: str, how: Refusal) -> None:
    app = Asking(SURE)
    async with app.run_test() as pilot:
        app.prompt.focus()
        await pilot.pause()
        app.seconds = 10
        await pilot.press(key, "N", "y")
        assert app.answers == []
        assert "x abort the run" in app.said()
        await pilot.press("escape", key)
        assert app.answers == []
        await pilot.press("N", key)
        assert app.answers == [how]


async def test_a_reason_goes_with_the_next_answer_and_with_no_other() -> None:
    app = Asking(SURE)
    async with app.run_test() as pilot:
        app.prompt.focus()
        await pilot.pause()
        app.seconds = 10
        app.prompt.give_reason("tested on staging")
        assert "“tested on staging”" in app.said()
        await pilot.press("y")
        app.prompt.show(replace(SURE, id="another"))
        app.seconds = 20
        await pilot.press("n")
        assert app.reasons == ["tested on staging", ""]


async def test_the_keys_say_which_no_is_the_usual_one() -> None:
    app = Asking(SURE)
    async with app.run_test():
        assert "n reject: fail" in app.said()
        app.prompt.show(COUNTING)
        assert "n reject: skip" in app.said()
        app.prompt.show(CALL)
        assert "n reject  " in app.said() and "other no" not in app.said()


async def test_escape_leaves_the_vote_before_it_leaves_the_prompt() -> None:
    app = Asking(vote())
    async with app.run_test() as pilot:
        app.prompt.focus()
        await pilot.pause()
        app.seconds = 10
        await pilot.press("v", "escape", "a")
        assert app.answers == []
        await pilot.press("escape")
        assert app.answers == ["left"]


async def test_it_says_what_would_run_and_who_has_voted() -> None:
    ballot = Ballot("dba", Choice.APPROVE, "did:key:z6Mk", NOW)
    app = Asking(vote(prompt="drop table users", ballots=(ballot,)))
    async with app.run_test():
        assert "drop table users" in app.said()
        assert "1 of 2 votes needed: dba approve, sre not yet" in app.said()
        app.prompt.show(COUNTING)
        assert "24s" in app.said() and "Space hold" in app.said()
        app.prompt.show(replace(COUNTING, deadline=None, remaining=7.5))
        assert "held 8s" in app.said() and "Space go on" in app.said()


@pytest.mark.parametrize("where", ["chat", "filter", "form"])
async def test_a_question_that_comes_while_somebody_types_takes_no_key(home: Home, where: str) -> None:
    world = World()
    world.answers["decision_list"] = ()
    app = workspace(home, connect=world.connect, project=Path(ROOT))
    async with app.run_test(size=(110, 34)) as pilot:
        await until(pilot, lambda: app.store.link is LinkState.READY)
        if where == "chat":
            app.show_conversation(CONVERSATION.id)
            await until(pilot, lambda: isinstance(app.focused, ChatLine))
        elif where == "filter":
            await pilot.press("2", "slash")
        else:
            await app.push_screen(FormDialog("Notes", [Field("notes")]))
        await pilot.press(*"ya")
        typing, before = app.focused, len(world.asked)
        assert isinstance(typing, Input | TextArea)
        for number, asked in enumerate((decision("publish", DecisionKind.CONFIRMED), TOOL, vote())):
            data = {"run": asked.run, "task": asked.task, "decision": encode(asked)}
            app.link.bridge.put(Event(900 + number, NOW, "DecisionRequested", data))
        await until(pilot, lambda: len(app.store.pending) == 3)
        if where == "chat":
            await until(pilot, lambda: "file_write src/main.py" in text_of(app))
        await pilot.press(*"ynNvpe", "space")
        assert app.focused is typing
        assert (typing.text if isinstance(typing, TextArea) else typing.value) == "yaynNvpe "
        assert set(world.asked[before:]) <= QUESTIONS
        assert len(app.store.pending) == 3


async def test_a_prompt_names_the_keys_that_are_bound() -> None:
    app = Asking(SURE)
    async with app.run_test() as pilot:
        app.set_keymap({"decision.approve": "Y", "decision.reject": "f8", "decision.leave": "f9"})
        app.prompt.focus()
        await pilot.pause()
        assert "Y approve  F8 reject: fail  i inspect" in app.said()
        app.seconds = 1
        await pilot.press("N")
        assert "s skip  f fail  x abort the run  F9 not now" in app.said()
