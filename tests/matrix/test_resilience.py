"""What nobody expects, in what a homeserver does: it is lived through, and told."""

from __future__ import annotations

import pytest

from cis_tui.core.errors import CisError
from cis_tui.core.retry import Retry
from cis_tui.matrix import outbound
from cis_tui.matrix.events import Json, News
from cis_tui.matrix.failures import failure
from cis_tui.matrix.model import MatrixState, SendState
from tests.matrix.nodes import Network, until
from tests.matrix.synapse import Synapse


async def test_an_answer_that_nobody_expects_ends_nothing(
    synapse: Synapse, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await network.pair(synapse)
    client = bob.service.client
    assert client is not None
    right, strange = client.sync, list[str]()

    async def sync(since: str, *, quick: bool = False, full: bool = False) -> News:
        if not strange:
            strange.append(since)
            raise ZeroDivisionError("nobody expects this")
        return await right(since, quick=quick, full=full)

    monkeypatch.setattr(client, "sync", sync)
    await ann.say("one")
    await bob.until_heard("one")
    await until(lambda: strange)
    await ann.say("two")
    await bob.until_heard("two")
    await bob.until_state(MatrixState.ONLINE)
    assert bob.texts == ["one", "two"]


async def test_what_a_homeserver_stumbles_over_keeps_nothing_else_waiting(
    synapse: Synapse, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "_RETRY", Retry(backoff=0.01))
    ann, bob = await network.pair(synapse)
    client = ann.service.client
    assert client is not None
    right = client.send

    async def send(room: str, type: str, content: Json, transaction: str) -> str:
        if "poison" in str(content):
            raise _stumbled()
        return await right(room, type, content, transaction)

    monkeypatch.setattr(client, "send", send)
    poison, good = await ann.say("poison"), await ann.say("good")
    await bob.until_heard("good")
    assert (await ann.service.sent(good)).state is SendState.SENT
    failed = await ann.service.sent(poison)
    assert (failed.state, failed.error) == (SendState.FAILED, "the homeserver is away: Internal server error")
    assert (await ann.service.status()).failed == 1


def _stumbled() -> CisError:
    return failure(500, {"errcode": "M_UNKNOWN", "error": "Internal server error"})


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (429, {}, "CIS-MATRIX-003"),
        (400, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": "soon"}, "CIS-MATRIX-003"),
        (401, {"errcode": "M_UNKNOWN_TOKEN"}, "CIS-MATRIX-002"),
        (403, {"errcode": "M_FORBIDDEN", "error": "\x1b[31mno"}, "CIS-MATRIX-004"),
        (413, {}, "CIS-MATRIX-005"),
        (404, {"errcode": "M_NOT_FOUND"}, "CIS-MATRIX-006"),
        (400, {"errcode": "M_BAD_JSON"}, "CIS-MATRIX-007"),
        (502, {}, "CIS-MATRIX-001"),
        (404, {}, "CIS-MATRIX-001"),
    ],
)
def test_what_errors_of_a_homeserver_mean(status: int, answer: dict[str, object], code: str) -> None:
    error = failure(status, answer)
    assert error.code == code
    assert "\x1b" not in error.message
