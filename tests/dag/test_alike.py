"""Approving all alike: only what is alike, only in this run, and no longer than one wants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cis_tui.core.errors import NotFound, Refused
from cis_tui.dag.alike import likeness
from cis_tui.dag.answers import Edit
from cis_tui.dag.model import DagSpec, Level, LevelKind, Param, TaskSpec
from cis_tui.dag.views import DecisionStatus, RunStatus
from tests.dag.lab import OWNER, Lab, open_lab, shell

CONFIRMED = Level(LevelKind.CONFIRMED, timeout=60)
INNER = DagSpec(
    "one",
    (shell("push", "echo {{ params.host }}", level=CONFIRMED), shell("wipe", "echo wipe", level=CONFIRMED)),
    params=(Param("host"),),
)
MANY = TaskSpec("each", dag="one", for_each=("a", "b", "c"), input={"host": "{{ item }}"})


async def asked(lab: Lab, *tasks: str) -> None:
    for task in tasks:
        await lab.decision(task)


def by(lab: Lab) -> dict[str, str]:
    return {decision.task: decision.by for decision in lab.runs.decisions.list(all=True) if decision.by}


async def test_a_yes_to_all_answers_those_that_wait_and_those_to_come(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        late = shell("late", "true", "gate", level=CONFIRMED)
        run = await lab.start(MANY, shell("gate", "true", level=CONFIRMED), late, dags={"one": INNER})
        await asked(lab, "each[0]/push", "each[1]/push", "each[2]/push", "each[0]/wipe", "gate")
        first = await lab.decision("each[0]/push")
        assert first.alike.endswith("written so: echo {{ params.host }}")
        made = await lab.runs.decisions.approve(first.id, alike=True, reason="all the same")
        assert (made.rules, made.by) == (True, OWNER.did)
        await lab.until(lambda: lab.types().count("TaskCompleted") >= 3)
        rule = f"rule of {first.id}"
        assert by(lab) == {"each[0]/push": OWNER.did, "each[1]/push": rule, "each[2]/push": rule}
        assert {decision.task for decision in lab.runs.decisions.list()} == {
            *(f"each[{number}]/wipe" for number in range(3)),
            "gate",
        }, "another call is not alike"
        gate = await lab.decision("gate")
        await lab.runs.decisions.approve(gate.id, alike=True)
        await lab.until(lambda: ("TaskCompleted", "late") in lab.story())
        assert by(lab)["late"] == f"rule of {gate.id}"
        rules = lab.runs.history.rules(run)
        assert [(rule.id, rule.used, rule.reason) for rule in rules] == [
            (first.id, 2, "all the same"),
            (gate.id, 1, ""),
        ]


async def test_a_rule_that_is_withdrawn_answers_no_more(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(
            shell("a", "echo same", level=CONFIRMED),
            shell("b", "true", "a", level=Level(LevelKind.RECOMMENDED, timeout=600)),
            shell("c", "echo same", "b", level=CONFIRMED),
        )
        first = await lab.decision("a")
        await lab.runs.decisions.approve(first.id, alike=True)
        rule = lab.runs.history.rule(first.id)
        gone = await lab.runs.decisions.withdraw(rule, reason="too much")
        assert (gone.withdrawn_by, gone.reason) == (OWNER.did, "too much")
        await lab.runs.decisions.approve((await lab.decision("b")).id)
        assert (await lab.decision("c")).status is DecisionStatus.PENDING
        assert lab.runs.history.rules(run) == ()
        assert [rule.withdrawn_by for rule in lab.runs.history.rules(run, all=True)] == [OWNER.did]
        with pytest.raises(Refused, match="was withdrawn by"):
            await lab.runs.decisions.withdraw(lab.runs.history.rule(first.id))
        with pytest.raises(NotFound, match='"d99" made no rule'):
            lab.runs.history.rule("d99")


async def test_a_rule_goes_on_when_the_run_is_resumed_and_is_for_no_other_run(tmp_path: Path) -> None:
    tasks = (
        shell("a", "echo same", level=CONFIRMED),
        shell("b", "true", "a", level=CONFIRMED),
        shell("c", "echo same", "b", level=CONFIRMED),
    )
    async with open_lab(tmp_path) as lab:
        run = await lab.start(*tasks)
        await lab.runs.decisions.approve((await lab.decision("a")).id, alike=True)
        await lab.decision("b")
    async with open_lab(tmp_path) as lab:
        await lab.start(*tasks)
        assert (await lab.decision("a")).status is DecisionStatus.PENDING, "another run"
        await lab.runs.resume(run)
        await lab.runs.decisions.approve((await lab.decision("b")).id)
        assert (await lab.ended(run)).status is RunStatus.COMPLETED
        assert by(lab)["c"] == "rule of d1"
        assert lab.runs.history.rules() == (), "the run has ended, and with it the rule"


async def test_what_cannot_be_approved_all_alike(tmp_path: Path) -> None:
    vote = Level(LevelKind.ARBITRATED, timeout=60, stakeholders=("dba",))
    async with open_lab(tmp_path) as lab:
        await lab.start(
            shell("v", "true", level=vote),
            shell("m", "true", level=CONFIRMED, for_each=("1", "2")),
            shell("p", "true", level=CONFIRMED),
        )
        assert (await lab.decision("v")).alike == ""
        with pytest.raises(Refused, match="nothing is alike"):
            await lab.runs.decisions.approve((await lab.decision("m")).id, alike=True)
        with pytest.raises(Refused, match="an edit goes for one decision"):
            await lab.runs.decisions.approve((await lab.decision("p")).id, alike=True, edit=Edit(command="echo 1"))
        assert len(lab.runs.decisions.list()) == 3, "nothing was decided by that"


@pytest.mark.parametrize(
    "change",
    [
        {"command": "echo other"},
        {"skill": "other"},
        {"input": {"to": "prod"}},
        {"env": {"TARGET": "prod"}},
        {"work_dir": "deep"},
        {"level": Level(LevelKind.RECOMMENDED)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_differs_in_the_file_is_not_alike(change: dict[str, object]) -> None:
    task = shell("a", "echo {{ item }}", level=CONFIRMED)
    like, other = likeness(task), likeness(replace(task, **change))  # pyright: ignore[reportArgumentType]
    assert like and other and like.key != other.key
    same = likeness(replace(task, id="b", name="B", deps=("a",), given={"item": "x"}))
    assert same and same.key == like.key
