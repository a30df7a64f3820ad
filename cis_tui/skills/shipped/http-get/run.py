#!/usr/bin/env python3
"""One GET request."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

import cis_skill

SECONDS = 30
"""Without a byte."""


def get(call: cis_skill.Call) -> object:
    """Fetch `url`; text as text, everything else as base64."""
    url = call.input["url"]
    if not url.lower().startswith(("http://", "https://")):
        cis_skill.fail(f"{url} does not begin with http:// or https://", 2)
    request = urllib.request.Request(url, headers={"User-Agent": "cis-http-get/1.0"})
    cis_skill.log("GET", url)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            return answer(response, call.input["limit"])
    except urllib.error.HTTPError as error:
        with error:
            cis_skill.log("status", error.code)
            return answer(error, call.input["limit"])
    except (OSError, ValueError, HTTPException) as error:
        cis_skill.fail(f"{url}: {getattr(error, 'reason', error)}")


def answer(response: Any, limit: int) -> object:
    """What came, as far as it was asked for."""
    content = response.read(limit + 1)
    kind = response.headers.get("Content-Type", "")
    found = {"status": response.status, "url": response.url, "type": kind, "whole": len(content) <= limit}
    content = content[:limit]
    charset = response.headers.get_content_charset() or "utf-8"
    try:
        return found | {"text": content.decode(charset, "strict" if found["whole"] else "ignore")}
    except (UnicodeDecodeError, LookupError):
        return found | {"base64": base64.b64encode(content).decode("ascii")}


if __name__ == "__main__":
    cis_skill.run(get)
