"""Tasks that run on another node of the same person: under its policy, once, and told as they go."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cis_tui.core.errors import CisError
from cis_tui.core.identity import Identity
from cis_tui.core.retry import Retry
from cis_tui.dag.model import TaskSpec, UndoStep
from cis_tui.dag.peers.jobs import KIND, PROTOCOL, Follow, Job, News
from cis_tui.dag.peers.talk import Talk
from cis_tui.dag.views import Decision, DecisionKind, RunStatus, TaskStatus
from cis_tui.skills.model import SkillManifest
from tests.dag.lab import eventually, lives, read, shell
from tests.dag.peers.net import ANN, BOB, EVE, Net, NetLine, Node, open_node
from tests.dag.test_runs import skill


@asynccontextmanager
async def two(
    folder: Path,
    *,
    exposed: Collection[str] = (),
    lease: float = 60.0,
    skills: dict[str, SkillManifest] | None = None,
) -> AsyncGenerator[tuple[Node, Node, Net]]:
    """Ann's two nodes: a run is started on the first, and has tasks for the second, which is called bob."""
    net = Net()
    async with (
        open_node(folder, net, ANN, own=[BOB.did], lease=lease, skills=skills) as ann,
        open_node(folder, net, BOB, own=[ANN.did], lease=lease, skills=skills, exposed=exposed) as bob,
    ):
        yield ann, bob, net


async def asked(node: Node) -> Decision:
    """What the node asks about a task of another one."""
    await node.lab.until(lambda: bool(node.open()) and ("DecisionRequested", "task") in node.lab.story())
    return node.open()[-1]


async def yes(node: Node) -> None:
    await node.lab.runs.decisions.approve((await asked(node)).id)


def log_of(node: Node, run: str, task: str) -> str:
    return node.lab.runs.history.logs(run, task).text


async def test_it_runs_there_after_a_yes_there_and_all_comes_back(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, _):
        task = shell("build", "echo $WHAT; echo warm >&2; pwd; echo 42", env={"WHAT": "hello"}, target_node="bob")
        run = await ann.lab.start(task, shell("next", "echo got {{ tasks.build.output | length }}", "build"), yes=True)
        decision = await asked(bob)
        assert (decision.kind, decision.asker) == (DecisionKind.CONFIRMED, ANN.did)
        assert decision.prompt.startswith(f"ann ({ANN.did}) asks: build of its run {run} of lab\n\necho $WHAT")
        assert ann.lab.task(run, "build").status is TaskStatus.RUNNING
        await ann.lab.until(lambda: "bob waits for a yes there" in log_of(ann, run, "build"))
        await bob.lab.runs.decisions.approve(decision.id)
        view = await ann.lab.ended(run)
        build = ann.lab.task(run, "build")
        assert view.status is RunStatus.COMPLETED
        assert (build.exit_code, build.executor, build.worker) == (0, "peer", "bob")
        lines = build.output.split()
        assert lines[0] == "hello"
        assert lines[-1] == "42"
        assert str(bob.lab.home.runs) in build.output, "it worked in a folder of its own there"
        assert "warm" in log_of(ann, run, "build")
        assert ann.lab.task(run, "next").output.startswith("got ")


async def test_a_no_there_is_the_end_of_it(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, _):
        run = await ann.lab.start(shell("build", "touch x", target_node=BOB.did, retry=Retry(max=3, backoff=0)))
        await bob.lab.runs.decisions.reject((await asked(bob)).id, reason="not on this machine")
        await ann.lab.ended(run)
        build = ann.lab.task(run, "build")
        assert (build.status, build.attempts) == (TaskStatus.FAILED, 1)
        assert "bob: rejected by" in build.error
        assert "not on this machine" in build.error


async def test_only_what_its_owner_has_exposed_runs_unasked(tmp_path: Path) -> None:
    async with two(tmp_path, exposed=["command:echo one"]) as (ann, bob, _):
        view = await ann.lab.run(shell("a", "echo one", target_node="bob"))
        assert (view.status, view.tasks[0].output) == (RunStatus.COMPLETED, "one\n")
        for other in (shell("a", "echo one; ls", target_node="bob"), shell("a", "echo one", env={"LD_PRELOAD": "x"})):
            run = await ann.lab.start(replace(other, target_node="bob"))
            await asked(bob)
            await ann.lab.runs.cancel(run)
            await bob.lab.until(lambda: bob.open() == ())


async def test_a_failure_there_is_one_here_and_is_tried_again(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    line = f"echo x >> {mark}; test $(wc -l < {mark}) = 2 || exit 7"
    async with two(tmp_path, exposed=[f"command:{line}"]) as (ann, _, _net):
        view = await ann.lab.run(shell("a", line, target_node="bob", retry=Retry(max=2, backoff=0)))
        assert (view.status, view.tasks[0].attempts) == (RunStatus.COMPLETED, 2)
        (first,) = view.tasks[0].tried
        assert (first.exit_code, first.error) == (7, "bob: exit code 7")


async def test_what_is_no_own_node_is_not_used(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, _, net):
        ann.line.own.clear()
        view = await ann.lab.run(shell("a", "true", target_node="bob"))
        assert "is not one of your own nodes" in view.tasks[0].error
        view = await ann.lab.run(shell("a", "true", target_node=EVE.did.replace("z6Mk", "z6Mx")))
        assert "there is no node" in view.tasks[0].error
        view = await ann.lab.run(shell("a", "echo here", target_node="gpu"))
        assert view.tasks[0].output == "here\n", "a label of workers, which the engine takes no notice of"
        assert net.carried == []


async def test_private_values_stay_here(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, _, net):
        tasks = [
            shell("a", "echo {{ memory('own/word') }}", target_node="bob"),
            shell("b", "echo {{ memory('own/word') | upper }}", target_node="bob"),
            shell("c", "echo $W", env={"W": "{{ memory('own/word')[::-1] }}"}, target_node="bob"),
            shell("d", "echo sk_live_abcdefghijklmnopqrstuv012345", target_node="bob"),
        ]
        for task in tasks:
            view = await ann.lab.run(task)
            assert "CIS-P2P-104" in view.tasks[0].error, task.id
        view = await ann.lab.run(
            shell("first", "echo {{ memory('own/word') }}"),
            shell("then", "echo {{ tasks.first.output }}", "first", target_node="bob"),
        )
        assert "CIS-P2P-104" in view.tasks[1].error, "not by the output of a task that ran here either"
        view = await ann.lab.run(shell("e", "touch x", creates=("x",), target_node="bob"))
        assert "CIS-P2P-105" in view.tasks[0].error
        assert net.carried == []


async def test_cancel_reaches_it(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    line = f"echo $$ > {mark}; sleep 60"
    async with two(tmp_path, exposed=[f"command:{line}"]) as (ann, bob, _):
        run = await ann.lab.start(shell("a", line, target_node="bob"))
        await eventually(lambda: read(mark).endswith("\n"))
        await ann.lab.runs.cancel(run)
        await eventually(lambda: not lives(int(read(mark))))
        (job,) = bob.lab.runs.history.list()
        assert job.status is RunStatus.CANCELLED
        assert "ended by ann" in bob.lab.runs.history.show(job.id).error


async def test_a_time_limit_reaches_it(tmp_path: Path) -> None:
    async with two(tmp_path, exposed=["command:sleep 60"]) as (ann, _, _net):
        view = await ann.lab.run(shell("a", "sleep 60", target_node="bob", timeout=0.3))
        assert view.tasks[0].error == "bob: timed out after 0.3 s"


async def test_a_pause_holds_the_countdown_there(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, _):
        run = await ann.lab.start(shell("a", "echo done", target_node="bob"))
        await asked(bob)
        await ann.lab.runs.pause(run)
        await bob.lab.until(lambda: bob.open()[0].deadline is None)
        await ann.lab.runs.resume(run)
        await bob.lab.until(lambda: bob.open()[0].deadline is not None)
        await yes(bob)
        assert (await ann.lab.ended(run)).status is RunStatus.COMPLETED


async def test_a_line_that_is_cut_for_a_while_changes_nothing(tmp_path: Path) -> None:
    mark, go = tmp_path / "mark", tmp_path / "go"
    line = f"echo x >> {mark}; while ! test -e {go}; do sleep 0.05; done; echo end"
    async with two(tmp_path, exposed=[f"command:{line}"]) as (ann, bob, net):
        run = await ann.lab.start(shell("a", line, target_node="bob", idempotent=True))
        await eventually(lambda: read(mark) == "x\n")
        net.away.add(BOB.did)
        go.touch()
        await bob.lab.until(lambda: "RunCompleted" in bob.lab.types())
        net.away.clear()
        view = await ann.lab.ended(run)
        assert (view.tasks[0].output, view.tasks[0].attempts) == ("end\n", 1)
        assert read(mark) == "x\n", "it ran once"


async def test_a_lost_answer_begins_nothing_twice(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    line = f"echo x >> {mark}"
    async with two(tmp_path, exposed=[f"command:{line}"]) as (ann, _, net):
        net.lossy = 2
        view = await ann.lab.run(shell("a", line, target_node="bob"))
        assert (view.status, view.tasks[0].attempts) == (RunStatus.COMPLETED, 1)
        assert read(mark) == "x\n"


async def test_a_node_that_is_away_is_a_failure_that_can_be_tried_again(tmp_path: Path) -> None:
    async with two(tmp_path, exposed=["command:echo back"]) as (ann, _, net):
        net.away.add(BOB.did)
        view = await ann.lab.run(shell("a", "echo back", target_node="bob"))
        assert "bob is away" in view.tasks[0].error
        run = await ann.lab.start(shell("a", "echo back", target_node="bob", retry=Retry(max=50, backoff=0.05)))
        await ann.lab.until(lambda: "TaskRetried" in ann.lab.types())
        net.away.clear()
        assert (await ann.lab.ended(run)).status is RunStatus.COMPLETED


async def test_whose_asker_is_gone_is_ended(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    line = f"echo $$ > {mark}; sleep 60"
    async with two(tmp_path, exposed=[f"command:{line}"], lease=0.6) as (ann, bob, net):
        await ann.lab.start(shell("a", line, target_node="bob"))
        await eventually(lambda: read(mark).endswith("\n"))
        net.away.add(ANN.did)
        await bob.lab.until(lambda: "RunFailed" in bob.lab.types())
        (job,) = bob.lab.runs.history.list()
        assert "ann was not heard of" in bob.lab.runs.history.show(job.id).error
        assert not lives(int(read(mark)))


async def test_a_node_that_is_killed_in_the_middle_is_asked_about(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    line = f"echo x >> {mark}; test $(wc -l < {mark}) = 2 || sleep 60"
    net = Net()
    async with open_node(tmp_path, net, ANN, own=[BOB.did]) as ann:
        async with open_node(tmp_path, net, BOB, own=[ANN.did], exposed=[f"command:{line}"]):
            run = await ann.lab.start(shell("a", line, target_node="bob"))
            await eventually(lambda: read(mark) == "x\n")
        async with open_node(tmp_path, net, BOB, own=[ANN.did], exposed=[f"command:{line}"]) as bob:
            await ann.lab.until(lambda: bool(ann.open()))
            (lost,) = ann.open()
            assert lost.kind is DecisionKind.INTERRUPTED
            assert "bob: its engine ended while it ran" in lost.prompt
            assert read(mark) == "x\n", "nothing begins again by itself"
            await ann.lab.runs.decisions.approve(lost.id)
            assert (await ann.lab.ended(run)).status is RunStatus.COMPLETED
            assert len(bob.lab.runs.history.list()) == 2


async def test_an_idempotent_one_runs_again_by_itself(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    line = f"echo x >> {mark}; test $(wc -l < {mark}) = 2 || sleep 60"
    net = Net()
    async with open_node(tmp_path, net, ANN, own=[BOB.did]) as ann:
        async with open_node(tmp_path, net, BOB, own=[ANN.did], exposed=[f"command:{line}"]):
            run = await ann.lab.start(shell("a", line, target_node="bob", idempotent=True))
            await eventually(lambda: read(mark) == "x\n")
        async with open_node(tmp_path, net, BOB, own=[ANN.did], exposed=[f"command:{line}"]):
            assert (await ann.lab.ended(run)).tasks[0].attempts == 2


async def test_what_waits_for_a_yes_waits_again_after_a_restart(tmp_path: Path) -> None:
    net = Net()
    async with open_node(tmp_path, net, ANN, own=[BOB.did]) as ann:
        async with open_node(tmp_path, net, BOB, own=[ANN.did]) as bob:
            run = await ann.lab.start(shell("a", "echo done", target_node="bob"))
            first = await asked(bob)
        async with open_node(tmp_path, net, BOB, own=[ANN.did]) as bob:
            await bob.lab.until(lambda: bool(bob.open()))
            (again,) = bob.open()
            assert again.id != first.id
            assert again.prompt == first.prompt
            await bob.lab.runs.decisions.approve(again.id)
            assert (await ann.lab.ended(run)).tasks[0].attempts == 1


async def test_the_engine_that_wants_it_ends_and_goes_on(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    line = f"echo x >> {mark}; test $(wc -l < {mark}) = 2 || sleep 60"
    net = Net()
    async with open_node(tmp_path, net, BOB, own=[ANN.did], exposed=[f"command:{line}"]) as bob:
        async with open_node(tmp_path, net, ANN, own=[BOB.did]) as ann:
            run = await ann.lab.start(shell("a", line, target_node="bob", idempotent=True))
            await eventually(lambda: read(mark) == "x\n")
            net.away.add(ANN.did)  # as if it were killed: it says nothing any more
        net.away.clear()
        async with open_node(tmp_path, net, ANN, own=[BOB.did]) as ann:
            await ann.lab.runs.resume(run)
            assert (await ann.lab.ended(run)).status is RunStatus.COMPLETED
            assert sorted(job.status for job in bob.lab.runs.history.list()) == [
                RunStatus.CANCELLED,
                RunStatus.COMPLETED,
            ]


async def test_a_skill_is_the_one_that_is_there(tmp_path: Path) -> None:
    net = Net()
    here = {"hello": skill(tmp_path / "s1", "hello", "echo from here")}
    there = {"hello": skill(tmp_path / "s2", "hello", 'read LINE; echo "from there $LINE"')}
    task = TaskSpec("a", skill="hello", input={"n": 1}, target_node="bob")
    async with (
        open_node(tmp_path, net, ANN, own=[BOB.did], skills=here) as ann,
        open_node(tmp_path, net, BOB, own=[ANN.did], skills=there, exposed=["skill:hello"]),
    ):
        view = await ann.lab.run(task, skills=here)
        assert view.tasks[0].output.startswith('from there {"args":[],"input":{"n":1}')


async def test_a_rollback_goes_where_its_task_ran(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    undo = f"echo undone >> {mark}"
    async with two(tmp_path, exposed=["command:echo x"]) as (ann, bob, _):
        task = shell("a", "echo x", target_node="bob", rollback=(UndoStep(command=undo),))
        view = await ann.lab.run(task)
        await ann.lab.runs.roll_back(view.id)
        decision = await asked(bob)
        assert undo in decision.prompt
        assert "CIS_ROLLBACK" in str(bob.lab.runs.decisions.asked(decision.id))
        await bob.lab.runs.decisions.approve(decision.id)
        await ann.lab.until(lambda: ann.lab.runs.history.show(view.id).status is RunStatus.ROLLED_BACK)
        assert read(mark) == "undone\n"


# What a node that means no good may want

JOB = Job("j-1", "0123abcdef", "clean up", "deploy", line="echo x")


def raw(net: Net, who: Identity) -> Talk:
    return Talk(NetLine(net, who.did), who, PROTOCOL, KIND)


async def want(net: Net, who: Identity, job: Job, what: str = "run") -> News:
    return await raw(net, who).ask(BOB.did, what, job, News)


async def test_who_is_not_own_there_can_have_nothing_run(tmp_path: Path) -> None:
    async with two(tmp_path, exposed=["command:echo x"]) as (_, bob, net):
        for what in ("run", "news", "end"):
            with pytest.raises(CisError) as refused:
                await want(net, EVE, JOB, what)
            assert refused.value.code == "CIS-P2P-106"
        assert bob.lab.runs.history.list() == ()
        await bob.lab.until(lambda: "CIS-P2P-106" in bob.complaints())


async def test_the_same_job_never_runs_twice(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    line = f"echo x >> {mark}"
    job = replace(JOB, line=line)
    net = Net()
    async with open_node(tmp_path, net, BOB, own=[ANN.did], exposed=[f"command:{line}"]) as bob:
        for _ in range(3):
            assert (await want(net, ANN, job)).known
        await bob.lab.until(lambda: "RunCompleted" in bob.lab.types())
        await want(net, ANN, job)
    async with open_node(tmp_path, net, BOB, own=[ANN.did], exposed=[f"command:{line}"]):
        news = await want(net, ANN, job)
        assert news.end and news.end.ok, "it is known after a restart too"
        assert read(mark) == "x\n"
        await raw(net, ANN).ask(BOB.did, "end", Follow("j-2"), object)
        with pytest.raises(CisError) as refused:
            await want(net, ANN, replace(job, id="j-2"))
        assert refused.value.code == "CIS-P2P-109", "what was ended before it came never begins"


async def test_a_job_is_bounded_and_is_shown_for_what_it_is(tmp_path: Path) -> None:
    bad = {
        "an id that is none": replace(JOB, id="../../x"),
        "nothing to run": replace(JOB, line=""),
        "both": replace(JOB, skill="lint"),
        "too large": replace(JOB, line="x" * 300_000),
        "a name with control sequences": replace(JOB, task="a\x1b[2Jb"),
        "a variable that is none": replace(JOB, env={"A=B": "x"}),
        "a time without end": replace(JOB, timeout=1e300),
        "a NUL": replace(JOB, line="echo \0"),
        "a skill that is not there": replace(JOB, line="", skill="nothing"),
    }
    async with two(tmp_path) as (_, bob, net):
        for name, job in bad.items():
            with pytest.raises(CisError) as refused:
                await want(net, ANN, job)
            assert refused.value.code in ("CIS-P2P-107", "CIS-SKILL-002"), name
        assert bob.lab.runs.history.list() == ()
        await want(net, ANN, replace(JOB, line="echo '\x1b[2K' \"{{ memory('own/word') }}\""))
        decision = await asked(bob)
        assert "\x1b" not in decision.prompt
        assert "{{ memory('own/word') }}" in decision.prompt, "what another node sends is no template"
        await bob.lab.runs.decisions.approve(decision.id)
        await bob.lab.until(lambda: "RunCompleted" in bob.lab.types())
        assert "zebra" not in bob.lab.runs.history.show(bob.lab.runs.history.list()[0].id).tasks[0].output


async def test_a_flood_of_jobs_is_held_back(tmp_path: Path) -> None:
    async with two(tmp_path) as (_, bob, net):
        refused = 0
        for number in range(30):
            try:
                await want(net, ANN, replace(JOB, id=f"k{number}-1"))
            except CisError as error:
                assert (error.code, error.retryable) == ("CIS-P2P-108", True)
                refused += 1
        assert refused == 14
        assert len(bob.lab.runs.history.list()) == 16
