"""From the wish to run a DAG to its run: trust first, then parameters, then the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cis_tui.core.errors import Refused
from cis_tui.tui.desk import Desk

if TYPE_CHECKING:
    from cis_tui.dag.views import DagInfo, RunView
    from cis_tui.project.model import ProjectInfo, TrustReport
    from cis_tui.protocol import EngineApi
    from cis_tui.tui.screens.form import FormDialog

Started = Callable[["RunView"], object]


def start_dag(desk: Desk, dag: DagInfo, then: Started) -> None:
    """Run `dag` and hand its run to `then`; asks for trust and for parameters that have no default."""
    if not dag.runnable:
        desk.say(f"{dag.name} has errors", hint="they are listed where its tasks would be", bad=True)
    elif not dag.trusted:
        ask_trust(desk, lambda: _with_params(desk, dag, then))
    else:
        _with_params(desk, dag, then)


def ask_trust(desk: Desk, then: Callable[[], object] | None = None, form: FormDialog | None = None) -> None:
    """Show what is not trusted as it is now; go on with `then` once it is. `form` is told when that is refused."""
    from cis_tui.tui.screens.trust import TrustAnswer, TrustDialog

    project = desk.store.project_root
    failed = form.refused if form is not None else None

    def answered(report: TrustReport, answer: TrustAnswer | None) -> None:
        if answer is None:
            if form is not None:
                form.refused()
            return
        author = answer is TrustAnswer.AUTHOR
        desk.ask(lambda engine: engine.trust_grant(project, report.digest, author=author), granted, failed=failed)

    def granted(info: ProjectInfo) -> None:
        desk.store.project = info
        if then is not None:
            then()

    desk.ask(
        lambda engine: engine.trust_report(project),
        lambda report: desk.dialog(TrustDialog(report), lambda answer: answered(report, answer)),
        failed=failed,
    )


def _with_params(desk: Desk, dag: DagInfo, then: Started) -> None:
    if not any(param.default is None for param in dag.params):
        _start(desk, dag, {}, then)
        return
    from cis_tui.tui.screens.form import Field, FormDialog

    fields = [
        Field(
            param.name,
            "" if param.default is None else str(param.default),
            " ".join((param.type, param.description)).strip(),
            required=param.required,
        )
        for param in dag.params
    ]
    desk.dialog(
        FormDialog(
            f"Run {dag.name}", fields, send=lambda given, form: _start(desk, dag, _given(given), then, form=form)
        )
    )


def _given(answers: Mapping[str, str]) -> dict[str, str]:
    """What was filled in; an empty field leaves its parameter at the default."""
    return {name: text for name, text in answers.items() if text}


def _start(
    desk: Desk,
    dag: DagInfo,
    params: Mapping[str, str],
    then: Started,
    *,
    form: FormDialog | None = None,
    asked: bool = False,
) -> None:
    """Start the run. A skill of the project may be untrusted although the DAG is not: then ask for that, once."""
    project = desk.store.project_root

    async def start(engine: EngineApi) -> RunView | None:
        try:
            return await engine.run_start(project, dag.file, params)
        except Refused:
            if asked or not project or not (await engine.trust_report(project)).pending:
                raise
            return None

    def started(run: RunView | None) -> None:
        if run is None:
            ask_trust(desk, lambda: _start(desk, dag, params, then, form=form, asked=True), form)
            return
        if form is not None:
            form.taken()
        then(run)

    desk.ask(start, started, failed=form.refused if form is not None else None)
