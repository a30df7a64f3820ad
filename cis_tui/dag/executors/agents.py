"""Where tasks that ask an agent are carried out: no process of this machine, no worker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from cis_tui.agents.tasks import AgentWork, retryable
from cis_tui.core.errors import CisError
from cis_tui.dag.attempt import Outcome
from cis_tui.dag.executors.base import Work
from cis_tui.dag.outputs import Output
from cis_tui.dag.tools import AskAgent


class AgentPlace:
    """Implements `Place`."""

    where: Mapping[str, object] = {}

    def __init__(self, agents: AskAgent | None, dag: str) -> None:
        self._agents = agents
        self._dag = dag

    async def run(self, work: Work, output: Output) -> Outcome:
        """See `Place`. The prompt is sent without the private values that templates gave it."""
        use = work.call.agent
        assert use is not None
        if self._agents is None:
            return Outcome(False, None, error="there are no agents here", final=True)
        prompt = (work.call.masked or work.call).line
        asked = AgentWork(
            prompt=prompt,
            run=work.run,
            dag=self._dag,
            task=work.task,
            attempt=work.attempt,
            project=work.project,
            timeout=work.call.timeout,
            agent=use.name,
            model=use.model,
            max_tokens=use.max_tokens,
            temperature=use.temperature,
            effort=use.effort,
            remember=use.remember,
            reuse=use.reuse,
        )
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            answer = await self._agents.run(asked, lambda text: output.feed(text.encode()))
        except CisError as error:
            told = f"{error.message} ({error.code})"
            return Outcome(False, None, error=told, duration=loop.time() - began, final=not retryable(error))
        return Outcome(True, 0, answer, duration=loop.time() - began)
