"""Questions: one answer wins, countdowns can be held, votes are counted and signed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from cis_tui.core.codec import decode
from cis_tui.core.errors import NotFound, Refused
from cis_tui.core.events import EventType
from cis_tui.core.retry import Retry
from cis_tui.dag.answers import Refusal
from cis_tui.dag.ballots import ballot_holds
from cis_tui.dag.model import Action, Level, LevelKind, UndoStep
from cis_tui.dag.telling import detail_rows
from cis_tui.dag.template import MASK
from cis_tui.dag.views import Choice, Decision, DecisionKind, DecisionStatus, RunStatus, TaskStatus
from tests.dag.lab import OWNER, Lab, open_lab, shell

RECOMMENDED = Level(LevelKind.RECOMMENDED, timeout=60)
CONFIRMED = Level(LevelKind.CONFIRMED, timeout=60)


def vote_level(*stakeholders: str, quorum: int = 1, timeout: float = 60) -> Level:
    return Level(LevelKind.ARBITRATED, timeout=timeout, stakeholders=stakeholders, quorum=quorum)


def decided(lab: Lab) -> list[Decision]:
    return [decode(Decision, event.data["decision"]) for event in lab.events if event.type == EventType.DECISION_MADE]


@pytest.mark.parametrize(
    ("action", "status", "run_status", "decision"),
    [
        (Action.EXECUTE, TaskStatus.COMPLETED, RunStatus.COMPLETED, DecisionStatus.APPROVED),
        (Action.SKIP, TaskStatus.SKIPPED, RunStatus.COMPLETED, DecisionStatus.SKIPPED),
        (Action.ABORT, TaskStatus.CANCELLED, RunStatus.CANCELLED, DecisionStatus.REJECTED),
    ],
)
async def test_a_countdown_that_ends(
    tmp_path: Path, action: Action, status: TaskStatus, run_status: RunStatus, decision: DecisionStatus
) -> None:
    level = Level(LevelKind.RECOMMENDED, timeout=0.05, default_action=action)
    async with open_lab(tmp_path) as lab:
        view = await lab.run(shell("push", "echo pushed", level=level))
        assert (view.tasks[0].status, view.status) == (status, run_status)
        (made,) = decided(lab)
        assert (made.status, made.by) == (decision, "deadline")


async def test_the_prompt_shows_what_will_run(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        (lab.project / "deep").mkdir()
        task = shell("push", "push \x1b[31m{{ params.to }} " + "x" * 5000, level=CONFIRMED, work_dir="deep")
        await lab.start(task, params={"to": "prod"})
        decision = await lab.decision("push")
        assert decision.prompt.startswith("push ␛[31mprod xxx")
        assert "\x1b" not in decision.prompt
        assert len(decision.prompt) <= 2000
        assert decision.prompt.endswith(f"in {lab.project / 'deep'}")
        assert (decision.kind, decision.default, decision.timeout) == (DecisionKind.CONFIRMED, "reject", 60)


async def test_approved_by_key_it_runs_at_once(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("push", "echo pushed", level=RECOMMENDED))
        decision = await lab.decision("push")
        assert lab.runs.history.show(run).status is RunStatus.WAITING
        made = await lab.runs.decisions.approve(decision.id, reason="looks good")
        assert (made.status, made.by, made.reason) == (DecisionStatus.APPROVED, OWNER.did, "looks good")
        assert (await lab.ended(run)).status is RunStatus.COMPLETED
        assert lab.runs.decisions.list() == ()
        assert [known.status for known in lab.runs.decisions.list(all=True)] == [DecisionStatus.APPROVED]


async def test_no_to_a_recommended_task_skips_it_and_to_a_confirmed_one_fails_it(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("lint", "true", level=RECOMMENDED), shell("push", "true", level=CONFIRMED))
        for task in ("lint", "push"):
            await lab.runs.decisions.reject((await lab.decision(task)).id, reason="not today")
        view = await lab.ended(run)
        assert [(task.status, task.error) for task in view.tasks] == [
            (TaskStatus.SKIPPED, f"skipped by {OWNER.did}: not today"),
            (TaskStatus.FAILED, f"rejected by {OWNER.did}: not today"),
        ]
        assert view.status is RunStatus.FAILED


@pytest.mark.parametrize("kind", [RECOMMENDED, CONFIRMED], ids=["recommended", "confirmed"])
@pytest.mark.parametrize(
    ("how", "status", "task", "after", "run_status"),
    [
        (Refusal.SKIP, DecisionStatus.SKIPPED, TaskStatus.SKIPPED, TaskStatus.SKIPPED, RunStatus.COMPLETED),
        (Refusal.FAIL, DecisionStatus.REJECTED, TaskStatus.FAILED, TaskStatus.SKIPPED, RunStatus.FAILED),
        (Refusal.ABORT, DecisionStatus.REJECTED, TaskStatus.CANCELLED, TaskStatus.CANCELLED, RunStatus.CANCELLED),
    ],
)
async def test_the_three_kinds_of_no(
    tmp_path: Path,
    kind: Level,
    how: Refusal,
    status: DecisionStatus,
    task: TaskStatus,
    after: TaskStatus,
    run_status: RunStatus,
) -> None:
    async with open_lab(tmp_path) as lab:
        push = shell("push", "touch ran", level=kind, retry=Retry(max=3, backoff=0), on_failure="mend")
        run = await lab.start(push, shell("next", "true", "push"), shell("mend", "touch mended"))
        made = await lab.runs.decisions.reject((await lab.decision("push")).id, how=how, reason="not now")
        assert (made.status, made.refusal, made.reason) == (status, how, "not now")
        view = await lab.ended(run)
        assert [lab.task(run, id).status for id in ("push", "next")] == [task, after]
        assert view.status is run_status
        assert not (lab.project / "ran").exists()
        assert (lab.project / "mended").exists() == (how is Refusal.FAIL)
        assert len(decided(lab)) == 1, "a no is not asked again"


async def test_an_abort_takes_back_what_the_run_did_if_a_failure_would(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        made = shell("make", "touch made", creates=("made",))
        run = await lab.start(made, shell("push", "true", "make", level=CONFIRMED), rollback_on_failure=True)
        await lab.runs.decisions.reject((await lab.decision("push")).id, how=Refusal.ABORT, reason="stop")
        view = await lab.ended(run)
        assert view.status is RunStatus.ROLLED_BACK
        assert view.error == f'aborted at "push": aborted by {OWNER.did}: stop'
        assert not (lab.project / "made").exists()


async def test_what_runs_is_shown_before_the_answer(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        task = shell(
            "push",
            'push --token {{ memory("own/word") }}',
            level=CONFIRMED,
            env={"TARGET": "zebra"},
            creates=("out",),
            rollback=(UndoStep(command="unpush"),),
            timeout=9,
        )
        await lab.start(task)
        detail = lab.runs.history.detail((await lab.decision("push")).id)
        shown = detail.preview
        assert shown is not None
        assert (shown.command, shown.folder) == (f"push --token {MASK}", str(lab.project))
        assert (shown.env, shown.creates, shown.rollback, shown.timeout) == (("TARGET",), ("out",), ("unpush",), 9)
        assert shown.undo == "by its rollback steps and what it creates"
        rows = detail_rows(detail)
        assert ("would run", f"push --token {MASK}") in rows
        assert ("may", "all that you may") in rows
        assert "zebra" not in str(rows)


async def test_a_late_answer_is_told_who_decided_when_and_how(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        await lab.start(shell("push", "true", level=CONFIRMED), shell("agree", "true", level=vote_level("dba", "sre")))
        id = (await lab.decision("push")).id
        made = await lab.runs.decisions.reject(id, how=Refusal.ABORT, reason="stop")
        assert made.decided_at is not None
        with pytest.raises(Refused) as late:
            await lab.runs.decisions.approve(id)
        assert late.value.message == (
            f"the decision {id} is already aborted by {OWNER.did} at {made.decided_at.iso()} (stop)"
        )
        assert late.value.context["status"] == "rejected"


async def test_nobody_confirms(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(shell("push", "true", level=Level(LevelKind.CONFIRMED, timeout=0.05)))
        assert view.tasks[0].error == "nobody confirmed it within 0.05 s"
        assert decided(lab)[0].status is DecisionStatus.TIMED_OUT


async def test_the_setting_gives_the_time_where_the_level_does_not(tmp_path: Path) -> None:
    async with open_lab(tmp_path, decisions={"recommended": 0.05}) as lab:
        assert (await lab.run(shell("push", "true", level=Level(LevelKind.RECOMMENDED)))).status is RunStatus.COMPLETED


async def test_of_many_answers_exactly_one_wins(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("push", "true", level=CONFIRMED))
        id = (await lab.decision("push")).id
        service = lab.runs.decisions
        answers = await asyncio.gather(
            *(service.approve(id) if number % 2 else service.reject(id) for number in range(20)), return_exceptions=True
        )
        won = [answer for answer in answers if isinstance(answer, Decision)]
        assert [answer.status for answer in won] == [DecisionStatus.REJECTED]
        assert all("is already rejected" in str(answer) for answer in answers[1:])
        assert (await lab.ended(run)).status is RunStatus.FAILED
        assert len(decided(lab)) == 1
        with pytest.raises(Refused, match=f"{id} is already rejected by {OWNER.did}"):
            await service.approve(id)


async def test_an_answer_that_comes_after_the_deadline_is_too_late(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        await lab.run(shell("push", "true", level=Level(LevelKind.RECOMMENDED, timeout=0.02)))
        with pytest.raises(Refused, match="already approved by deadline"):
            await lab.runs.decisions.reject("d1")
        with pytest.raises(NotFound, match='no decision "d99"'):
            await lab.runs.decisions.approve("d99")


async def test_who_answers_may_go_away(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("push", "true", level=CONFIRMED))
        id = (await lab.decision("push")).id
        answer = asyncio.ensure_future(lab.runs.decisions.approve(id))
        await asyncio.sleep(0)
        answer.cancel()
        assert (await lab.ended(run)).status is RunStatus.COMPLETED


async def test_a_countdown_is_held_and_goes_on(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("push", "true", level=Level(LevelKind.RECOMMENDED, timeout=1)))
        id = (await lab.decision("push")).id
        held = await lab.runs.decisions.hold(id)
        assert held.deadline is None
        assert held.remaining is not None
        assert 0 < held.remaining <= 1
        await asyncio.sleep(1.2)
        assert lab.task(run, "push").status is TaskStatus.WAITING, "held, it does not end"
        going = await lab.runs.decisions.hold(id)
        assert (going.remaining, going.id) == (None, id)
        assert going.deadline is not None
        assert (await lab.ended(run)).status is RunStatus.COMPLETED
        assert lab.types().count(EventType.DECISION_REQUESTED) == 3, "each change is told"
        assert decided(lab)[0].by == "deadline"


async def test_a_held_countdown_can_be_answered(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("push", "true", level=RECOMMENDED))
        id = (await lab.decision("push")).id
        await lab.runs.decisions.hold(id)
        made = await lab.runs.decisions.approve(id)
        assert made.remaining is None
        assert (await lab.ended(run)).status is RunStatus.COMPLETED


async def test_yes_answers_for_people_but_not_for_a_vote(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(
            shell("lint", "true", level=replace(RECOMMENDED, default_action=Action.SKIP)),
            shell("push", "true", level=CONFIRMED),
            shell("vote", "true", level=vote_level("dba")),
            yes=True,
        )
        await lab.decision("vote")
        await lab.until(lambda: lab.types().count(EventType.TASK_COMPLETED) == 2)
        assert [(made.task, made.by) for made in decided(lab)] == [("lint", "--yes"), ("push", "--yes")]
        assert lab.runs.history.show(run).status is RunStatus.WAITING
        with pytest.raises(Refused, match="made by votes"):
            await lab.runs.decisions.approve((await lab.decision("vote")).id)


async def test_a_vote_closes_when_it_is_certain(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("push", "true", level=vote_level("dba", "sre", "qa", quorum=2)))
        id = (await lab.decision("push")).id
        first = await lab.runs.decisions.vote(id, Choice.APPROVE, seat="dba", reason="tested")
        assert (first.status, len(first.ballots)) == (DecisionStatus.PENDING, 1)
        assert lab.runs.decisions.list()[0].ballots == first.ballots
        with pytest.raises(Refused, match="already voted"):
            await lab.runs.decisions.vote(id, Choice.REJECT, seat="dba")
        with pytest.raises(NotFound, match='no stakeholder "db"'):
            await lab.runs.decisions.vote(id, Choice.REJECT, seat="db")
        made = await lab.runs.decisions.vote(id, Choice.APPROVE, seat="sre")
        assert made.status is DecisionStatus.APPROVED
        assert all(ballot_holds(made, ballot) for ballot in made.ballots)
        assert not ballot_holds(replace(made, task="other"), made.ballots[0])
        assert not ballot_holds(made, replace(made.ballots[0], choice=Choice.REJECT))
        assert not ballot_holds(made, replace(made.ballots[0], signature="no"))
        assert (await lab.ended(run)).status is RunStatus.COMPLETED
        assert lab.types().count(EventType.VOTE_CAST) == 2


async def test_ballots_hold_after_a_journey_through_the_journal(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        await lab.start(shell("push", "true", level=vote_level("dba")))
        await lab.runs.decisions.vote((await lab.decision("push")).id, Choice.APPROVE)
        (stored,) = lab.runs.decisions.list(all=True)
        assert ballot_holds(stored, stored.ballots[0])


async def test_one_key_votes_for_all_seats_of_the_owner(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        people = {"dba": "did:key:z6MkSomebodyElse", "sre": OWNER.did}
        run = await lab.start(shell("push", "true", level=vote_level("dba", "sre", "qa")), stakeholders=people)
        decision = await lab.decision("push")
        assert decision.seats == ("sre", "qa")
        with pytest.raises(Refused, match='"dba" is held by another'):
            await lab.runs.decisions.vote(decision.id, Choice.APPROVE, seat="dba")
        made = await lab.runs.decisions.vote(decision.id, Choice.REJECT)
        assert [ballot.stakeholder for ballot in made.ballots] == ["sre", "qa"]
        assert made.status is DecisionStatus.REJECTED
        assert (await lab.ended(run)).tasks[0].error == f"rejected by {OWNER.did}"


async def test_a_vote_without_quorum_is_rejected_at_its_deadline(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        people = {"dba": "did:key:z6MkSomebodyElse"}
        level = vote_level("dba", "sre", quorum=2, timeout=1.5)
        run = await lab.start(shell("push", "true", level=level), stakeholders=people)
        await lab.runs.decisions.vote((await lab.decision("push")).id, Choice.APPROVE)
        view = await lab.ended(run)
        assert view.tasks[0].error == "the vote did not pass within 1.5 s"
        assert decided(lab)[0].status is DecisionStatus.TIMED_OUT


async def test_what_is_no_vote_takes_no_ballot_and_what_is_one_is_not_held(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        await lab.start(shell("push", "true", level=CONFIRMED), shell("vote", "true", level=vote_level("dba")))
        with pytest.raises(Refused, match="is not a vote"):
            await lab.runs.decisions.vote((await lab.decision("push")).id, Choice.APPROVE)
        with pytest.raises(Refused, match="no countdown"):
            await lab.runs.decisions.hold((await lab.decision("vote")).id)


async def test_ids_are_short_and_never_used_again(tmp_path: Path) -> None:
    ids: list[str] = []
    for _ in range(2):
        async with open_lab(tmp_path) as lab:
            await lab.start(shell("a", "true", level=CONFIRMED), shell("b", "true", level=CONFIRMED))
            ids += [(await lab.decision("a")).id, (await lab.decision("b")).id]
    assert ids == ["d1", "d2", "d3", "d4"]


async def test_cancelling_supersedes_what_is_asked(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("push", "true", level=CONFIRMED))
        id = (await lab.decision("push")).id
        await lab.runs.cancel(run)
        assert lab.runs.decisions.list() == ()
        assert decided(lab)[0].status is DecisionStatus.SUPERSEDED
        with pytest.raises(Refused, match=f"{id} is superseded"):
            await lab.runs.decisions.approve(id)


async def test_a_decision_waits_without_holding_a_slot(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        waiting = [shell(f"w{number}", "true", level=CONFIRMED) for number in range(10)]
        run = await lab.start(*waiting, shell("free", "echo ran"), max_parallel=1)
        await lab.until(lambda: lab.task(run, "free").status is TaskStatus.COMPLETED)
        assert len(lab.runs.decisions.list()) == 10
