"""What kind of thing an entry is, from its key's words and its value (spec, Memory Write Flow, step 2).

The first rule that applies decides:

1. the key names a secret, whatever the value looks like: Sensitive;
2. the value holds a secret, in a longer text too: Sensitive (`cis_tui.memory.detect`);
3. the first word of the key that names a kind: `preference` UserPreference, `decision` ImportantDecision,
   `config` ProjectConfig, `tmp` Temporary, and the like;
4. the value says so itself: "we decided …" ImportantDecision, "I prefer …" UserPreference;
5. the first part of the key is `project`: ProjectConfig;
6. anything else was written down by a person to be kept: UserPreference, for no particular reason.

FrequentlyQueried is not among them: it is earned by use, and lost without (`earned`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from cis_tui.memory.detect import secret_in, secret_name, words_of
from cis_tui.memory.earned import NO_REASON
from cis_tui.memory.records import IndexType

__all__ = ["Classification", "classify", "default_category", "words_of"]

_HINT_WITHIN = 2_000
"""Characters of a value in which its kind is looked for: what it is about stands at the beginning."""

_KINDS = {
    IndexType.USER_PREFERENCE: """
        preference preferences prefs pref favorite favorites favourite favourites vorliebe vorlieben preferencia
        preferencias preferenza preferenze предпочтения
    """,
    IndexType.IMPORTANT_DECISION: """
        decision decisions decided adr adrs rationale entscheidung entscheidungen decisiones decisao decisoes decisione
        решение решения
    """,
    IndexType.PROJECT_CONFIG: """
        config configs configuration conf setting settings einstellung einstellungen konfiguration configuracion
        configuracao configurazione настройки
    """,
    IndexType.TEMPORARY: "tmp temp temporary cache caches cached scratch draft drafts ephemeral log logs debug",
}
_DECIDED = r"""
    \b(?:we|i|team|they)(?:'ve|\shave)?\s(?:finally\s)?(?:decided|agreed|chose|settled\son|picked)\b|\bdecision:|\bwe(?:'re|\sare)\sgoing\swith\b
    |\b(?:haben|habe)\s(?:uns\s|mich\s)?(?:\w+\s){0,6}(?:entschieden|beschlossen)|\b(?:decidimos|hemos\sdecidido|he\sdecidido)\b
    |\bnous\savons\sdécidé|\babbiamo\sdeciso|\bмы\sрешили|决定|決定|決め(?:た|ました)|결정(?:했|하)
"""
_PREFERS = r"""
    \bi\s(?:really\s)?(?:prefer|like|love|hate|dislike|want|always|never)\b|\b(?:always|never)\suse\b|\bmy\sfavou?rite\b|\bplease\s(?:always|never)\b
    |\bich\s(?:bevorzuge|mag)\b|\bprefiero\b|\bje\spréfère|\beu\sprefiro\b|\bpreferisco\b|\bя\sпредпочитаю|喜欢|喜歡|偏好|好き|선호
"""
_HINTS = (
    "deci",
    "agreed",
    "chose",
    "settled on",
    "picked",
    "going with",
    "prefer",
    "favo",
    "always ",
    "never ",
    "i like",
    "i love",
    "i hate",
    "i want",
)
"""Letters without which no English text is searched for the patterns above."""


@dataclass(frozen=True, slots=True)
class Classification:
    """What an entry was taken as."""

    index_type: IndexType
    reason: str
    """Why, for a person; names no part of the value."""

    @property
    def particular(self) -> bool:
        """Whether a rule speaks for the kind; else it may become FrequentlyQueried by use."""
        return self.reason != NO_REASON


def classify(key: str, value: str | bytes = "") -> Classification:
    """The kind of the entry `key` = `value`, by the rules above, in time linear in the value."""
    words = words_of(key)
    named = secret_name(key, words)
    if named:
        return Classification(IndexType.SENSITIVE, f'the key says "{named}"')
    held = secret_in(value)
    if held:
        return Classification(IndexType.SENSITIVE, f"the value holds {held}")
    kinds = _kind_words()
    for word in words:
        if word in kinds:
            return Classification(kinds[word], f'the key says "{word}"')
    said = _said(value)
    if said:
        return said
    if words[:1] == ("project",):
        return Classification(IndexType.PROJECT_CONFIG, 'the key begins with "project"')
    return Classification(IndexType.USER_PREFERENCE, NO_REASON)


def default_category(key: str) -> str:
    """The category of an entry for which none was given: the first part of its key, `general` if it has one only."""
    first, slash, _ = key.partition("/")
    return first.strip() if slash and first.strip() else "general"


def _said(value: str | bytes) -> Classification | None:
    if isinstance(value, bytes):
        return None
    low = value[:_HINT_WITHIN].lower()
    if low.isascii() and not any(mark in low for mark in _HINTS):
        return None
    found = _hints().search(low)
    if found is None:
        return None
    if found.lastgroup == "decided":
        return Classification(IndexType.IMPORTANT_DECISION, "the value tells of a decision")
    return Classification(IndexType.USER_PREFERENCE, "the value tells of a preference")


# Made at the first write: a read needs none of them.
@cache
def _kind_words() -> dict[str, IndexType]:
    return {word: kind for kind, words in _KINDS.items() for word in words_of(words)}


@cache
def _hints() -> re.Pattern[str]:
    return re.compile(f"(?P<decided>{_DECIDED})|(?P<prefers>{_PREFERS})", re.VERBOSE | re.IGNORECASE)
