"""Programs that claim to speak ACP, and do what none should: `hostile.py MODE`. No SDK: it would not let them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

ROOT = sys.argv[2] if len(sys.argv) > 2 else ""


def say(**message: Any) -> None:
    write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def update(text: str) -> None:
    content = {"type": "text", "text": text}
    chunk = {"sessionUpdate": "agent_message_chunk", "content": content}
    say(method="session/update", params={"sessionId": "s", "update": chunk})


def ask(method: str, **params: Any) -> Any:
    """What is answered to a request; what comes meanwhile is passed over."""
    say(id=method, method=method, params={"sessionId": "s", **params})
    return next(message for message in heard() if message.get("id") == method)


def heard() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        yield json.loads(line)


def flood() -> None:
    while True:
        update("more and more ")


def longer() -> None:
    while True:
        write(b"x" * 65536)


def garbage() -> None:
    while True:
        write(b'{"half": \n[]\nnull\n{"id": [], "result": 1}\n{"method": 3}\n')


def requests() -> None:
    for number in range(100_000):
        say(id=number, method="nothing/like/that", params={})


def stubborn() -> None:
    subprocess.Popen(["sleep", "300"])
    update("I stay")
    while True:
        time.sleep(60)


def die() -> None:
    sys.stderr.write("fatal: \x1b[31mnot logged in\x1b[0m\n")
    sys.stderr.flush()
    subprocess.Popen(["sleep", "300"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sys.exit(3)


def reach() -> None:
    """Ask for what is not offered, and say what came of it."""
    answers = [
        ask("fs/write_text_file", path=f"{ROOT}/outside.txt", content="mine"),
        ask("fs/read_text_file", path="/etc/passwd"),
        ask("terminal/create", command="touch", args=[f"{ROOT}/outside.txt"]),
        ask("session/request_permission", sessionId="of somebody else", toolCall={"toolCallId": "x"}, options=[]),
    ]
    update(" ".join(str(answer.get("error", {}).get("code", "cancelled")) for answer in answers))


def odd() -> None:
    """Noise that a program may make, and an answer all the same."""
    write(b'Welcome!\n\n[1]\n"text"\n')
    deep = b'{"jsonrpc": "2.0", "method": "session/update", "params": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001 + b"\n"
    write(deep)
    for params in ({}, {"sessionId": 3}, {"sessionId": "s", "update": {"sessionUpdate": "of tomorrow"}}, {"update": 1}):
        say(method="session/update", params=params)
    say(method="of/tomorrow", params={})
    say(id=999, result={})
    say(id=None, error="no object")
    update("still \x1b]52;c;ZXZpbA==\x07 here")


def main(mode: str) -> None:
    for message in heard():
        method, id = message.get("method"), message.get("id")
        if method == "initialize" and mode != "deaf":
            say(id=id, result={"protocolVersion": 1})
        elif method == "session/new" and mode != "closed":
            say(id=id, result={"sessionId": "s"})
        elif method == "session/prompt":
            globals()[mode]()
            say(id=id, result={"stopReason": "end_turn"})


if __name__ == "__main__":
    main(sys.argv[1])
