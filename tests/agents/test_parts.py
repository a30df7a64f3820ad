"""The parts that are pure: histories, retries, keys, policies, answers put together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.agents import policy
from cis_tui.agents.definitions import find_agents, named
from cis_tui.agents.history import valid_history
from cis_tui.agents.keys import KEY_FILE, OFFICIAL, find_key, origin_of
from cis_tui.agents.model import Block, BlockKind, Message, Role, Usage
from cis_tui.agents.policy import Level, Policy
from cis_tui.agents.prices import cost_of
from cis_tui.agents.provider import ProviderFailure, Request
from cis_tui.agents.retry import LONGEST, wait_before_next
from cis_tui.agents.wire import Assembler, body
from cis_tui.core.clock import Instant
from cis_tui.core.config import AgentSettings
from cis_tui.core.errors import CisError, Invalid, Refused
from cis_tui.core.paths import Home, write_private
from tests.agents.far_end import invalid

BLOCKS = st.one_of(
    st.builds(Block, st.sampled_from([BlockKind.TEXT, BlockKind.CONTEXT]), st.sampled_from(["", " ", "hi"])),
    st.builds(Block, st.just(BlockKind.THINKING), st.just("hm"), model=st.sampled_from(["a", "b"])),
    st.builds(Block, st.just(BlockKind.TOOL_USE), id=st.sampled_from("xyz"), name=st.just("t")),
    st.builds(Block, st.just(BlockKind.TOOL_RESULT), st.just("r"), id=st.sampled_from("xyz")),
)


def message(role: Role, blocks: list[Block]) -> Message:
    """A message as it may have been kept: calls are the assistant's, results the user's, each id once."""
    wrong = BlockKind.TOOL_RESULT if role is Role.ASSISTANT else BlockKind.TOOL_USE
    seen: set[str] = set()
    kept = [block for block in blocks if block.kind is not wrong and not (block.id and block.id in seen)]
    for block in list(kept):
        if block.id in seen and block.id:
            kept.remove(block)
        seen.add(block.id)
    return Message(role, tuple(kept), Instant(0))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(Role), st.lists(BLOCKS, max_size=4)), max_size=8))
def test_whatever_was_kept_makes_a_valid_request(kept: list[tuple[Role, list[Block]]]) -> None:
    messages = [message(role, blocks) for role, blocks in kept]
    ask = Message(Role.USER, (Block(BlockKind.TEXT, "and now?"),), Instant(0))
    sent = body(Request("", (*messages, ask), model="a"))["messages"]
    assert invalid({"messages": sent}) == ""
    assert valid_history(valid_history([*messages, ask], "a"), "a") == valid_history([*messages, ask], "a")


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 10), st.floats(0, 1), st.one_of(st.none(), st.floats(0, 1e6)))
def test_waits_have_bounds(made: int, chance: float, asked: float | None) -> None:
    wait = wait_before_next(ProviderFailure("X", "x", again=True, wait=asked), made, chance)
    assert wait is None or 0 <= wait <= LONGEST
    assert (wait is None) == (made >= 5 or (asked is not None and asked > LONGEST))
    assert wait_before_next(ProviderFailure("X", "x", wait=asked), made, chance) is None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["type", "index", "delta", "usage", "message"]), st.integers() | st.text())
    )
)
def test_no_event_breaks_the_putting_together(events: list[dict[str, Any]]) -> None:
    assembler = Assembler("m")
    for event in events:
        try:
            assembler.take(event)
        except ValueError:
            continue
    assert assembler.finished().blocks == ()


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://API.anthropic.com/", OFFICIAL),
        ("https://api.anthropic.com:443/v1", OFFICIAL),
        ("http://localhost:11434", "http://localhost:11434"),
        ("http://[::1]:8080/x", "http://[::1]:8080"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url", ["http://example.com", "ftp://x", "https://", "nonsense", "https://user:pw@x.com", "https://x.com:port"]
)
def test_what_is_no_safe_address_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        origin_of(url)


def test_a_key_goes_to_its_origin_only(home: Home) -> None:
    env = {"ANTHROPIC_API_KEY": "sk-real"}
    assert find_key(home, OFFICIAL, env=env).secret == "sk-real"
    assert find_key(home, "http://127.0.0.1:9", env=env).secret == "local"
    with pytest.raises(ProviderFailure, match="no API key"):
        find_key(home, "https://api.anthropic.com.evil.example", env=env)
    with pytest.raises(ProviderFailure, match="no API key"):
        find_key(home, "https://api.anthropic.com:8443", env=env)
    elsewhere = {**env, "ANTHROPIC_BASE_URL": "https://proxy.example"}
    assert find_key(home, "https://proxy.example/v1", env=elsewhere).secret == "sk-real"
    with pytest.raises(ProviderFailure):
        find_key(home, OFFICIAL, env=elsewhere)
    assert "sk-real" not in repr(find_key(home, OFFICIAL, env=env))


def test_a_key_file_is_for_its_owner(home: Home) -> None:
    path = home.keys / KEY_FILE
    write_private(path, b'"https://api.anthropic.com/" = "sk-file"\n"https://x.example" = "sk-x"\n')
    assert find_key(home, OFFICIAL, env={}).secret == "sk-file"
    assert find_key(home, "https://x.example", env={}).secret == "sk-x"
    path.chmod(0o644)
    with pytest.raises(Refused, match="read by others"):
        find_key(home, OFFICIAL, env={})


def test_what_denies_wins_then_the_longest_pattern() -> None:
    rules = {
        "file_*": Level.CONFIRMED,
        "file_write:docs/*": Level.MECHANICAL,
        "file_write:docs/s*": Level.DENY,
        "skill_x": Level.RECOMMENDED,
    }
    found = Policy(rules)
    assert found.level("file_write", "docs/a.md", Level.CONFIRMED) is Level.MECHANICAL
    assert found.level("file_write", "docs/secret.md", Level.CONFIRMED) is Level.DENY
    assert found.level("file_write", "docs/../x", Level.CONFIRMED) is Level.CONFIRMED
    assert found.level("file_read", "x", Level.MECHANICAL) is Level.CONFIRMED
    assert found.level("skill_x", "", Level.CONFIRMED) is Level.RECOMMENDED
    assert found.level("dag_run", "x", Level.CONFIRMED) is Level.CONFIRMED


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["a", "a:*", "a:x*", "*", "b"]), st.sampled_from(Level)),
    st.sampled_from(["x", "y", ""]),
)
def test_nothing_is_allowed_that_a_rule_denies(rules: dict[str, Level], about: str) -> None:
    level = Policy(rules).level("a", about, Level.CONFIRMED)
    denied = any(level is Level.DENY and policy.covers(pattern, "a", about) for pattern, level in rules.items())
    assert (level is Level.DENY) == denied


def test_a_broken_policy_allows_nothing(home: Home) -> None:
    (home.root / policy.POLICY_FILE).write_text('[tools]\n"file_write" = "mechancal"\n')
    with pytest.raises(Invalid, match="mechancal"):
        policy.load_policy(home)


def test_agents_of_ones_own(home: Home) -> None:
    folder = home.root / "agents"
    folder.mkdir()
    (folder / "mine.toml").write_text('[agent]\nbase_url = "http://localhost:8080"\nmodel = "qwen"\n')
    (folder / "typo.toml").write_text("[agent]\nbase_url = 3\n")
    (folder / "far.toml").write_text('[agent]\nbase_url = "http://example.com"\n')
    agents = find_agents(home, AgentSettings(), env={})
    assert (named(agents, "mine").model, named(agents, "mine").kind) == ("qwen", "messages")
    for broken, why in (("typo", "base_url"), ("far", "this machine only")):
        with pytest.raises(CisError, match=why):
            named(agents, broken)


def test_costs_are_those_of_the_price_list() -> None:
    usage = Usage(input=1_000_000, output=1_000_000, cache_read=1_000_000, cache_written=1_000_000)
    assert cost_of("claude-sonnet-5-5", usage) == 2 + 10 + 0.2 + 2.5
    assert cost_of("somebody-else", usage) is None


def test_values_in_events_are_json() -> None:
    request = Request("s", (Message(Role.USER, (Block(BlockKind.TEXT, "x"),), Instant(0)),), model="m", effort="low")
    assert json.loads(json.dumps(body(request)))["output_config"] == {"effort": "low"}


def test_the_library_is_not_loaded_before_it_is_needed() -> None:
    import subprocess
    import sys

    code = "import sys, cis_tui.engine; print({'anthropic', 'acp', 'httpx2', 'pydantic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "set()"
