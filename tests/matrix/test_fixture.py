"""The homeservers that the other tests use."""

from __future__ import annotations

from tests.matrix.synapse import Synapse


def test_somebody_logs_in(synapse: Synapse) -> None:
    ann = synapse.person()
    assert ann.id == f"@{ann.name}:{synapse.name}"
    token = synapse.token(ann)
    assert synapse.ask("GET", "/_matrix/client/v3/account/whoami", token=token)["user_id"] == ann.id
    assert synapse.ask("GET", "/_matrix/client/v3/account/whoami", token="x")["errcode"] == "M_UNKNOWN_TOKEN"


def test_two_servers_federate(federation: tuple[Synapse, Synapse]) -> None:
    left, right = federation
    ann, bob = left.person(), right.person()
    alias = f"meeting-{ann.name}"
    made = left.ask(
        "POST",
        "/_matrix/client/v3/createRoom",
        {"room_alias_name": alias, "preset": "public_chat"},
        token=left.token(ann),
    )
    joined = right.ask(
        "POST", f"/_matrix/client/v3/join/%23{alias}%3A{left.name}", {}, token=right.token(bob, device="D")
    )
    assert joined["room_id"] == made["room_id"]
