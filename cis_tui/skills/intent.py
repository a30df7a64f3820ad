"""What a sentence asks a skill to do (spec, Intent Parsing): patterns, no guesses. Pure: same words, same answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cis_tui.core.text import clean_line, nearest
from cis_tui.skills.arguments import as_call, bind, from_word
from cis_tui.skills.model import Argument, ArgumentType, ExportedCommand, SkillInfo
from cis_tui.skills.phrases import PLACE, Word, match, pattern_of, split_words

MAX_TEXT = 4_000
"""Characters of a sentence."""
SHOWN = 5
"""Suggestions, and readings of a sentence that has several."""

_POLITE = frozenset(
    (
        "please",
        "pls",
        "kindly",
        "can",
        "could",
        "would",
        "you",
        "hey",
        "cis",
        "i",
        "want",
        "to",
        "let's",
        "lets",
        "now",
        "just",
    )
)
_VERBS = frozenset(("run", "call", "use", "execute", "start", "invoke", "do", "launch"))
_ARTICLES = frozenset(("the", "a", "an", "skill", "command", "my", "our"))
_LINKS = frozenset(
    ("on", "with", "for", "in", "to", "at", "of", "against", "over", "about", "from", "into", "using", "by")
)
_NAMED = re.compile(r"(?:--)?([^\W\d][\w-]*)=(.*)", re.DOTALL)
_DASH = re.compile(r"[-_ ]+")


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to understand a sentence."""

    skill: str
    command: str = ""
    """Empty when the skill does not say what it can do."""
    args: tuple[str, ...] = ()
    """As a call takes them, the command's name first if the skill has several."""
    input: Mapping[str, object] = field(default_factory=dict[str, object])
    """What was given by name."""
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    """What each argument would be."""
    problems: tuple[str, ...] = ()
    """Why it cannot be called so, a sentence each."""
    score: int = 0
    """How much of the sentence speaks for it."""

    @property
    def shown(self) -> str:
        """The call as a person reads it."""
        given = [f"{name}={_shown(value)}" for name, value in self.values.items() if name != "command"]
        args = self.args[1:] if self.command and self.args[:1] == (self.command,) else self.args
        words = given or [_shown(arg) for arg in args]
        head = self.skill if self.command in ("", self.skill) else f"{self.skill} {self.command}"
        return clean_line(": ".join(filter(None, (head, " ".join(words)))), limit=1000)


@dataclass(frozen=True, slots=True)
class Intent:
    """What a sentence was understood as."""

    text: str
    reading: Reading | None = None
    """The only one that fits best; it may have problems."""
    others: tuple[Reading, ...] = ()
    """All that fit equally well, when it is not the only one."""
    suggestions: tuple[str, ...] = ()
    """Sentences that would be understood, when this one was not."""


def read_intent(text: str, skills: Sequence[SkillInfo]) -> Intent:
    """Understand `text` as a call of one of `skills`; those that are broken are left out."""
    text = clean_line(text, limit=MAX_TEXT)
    words = split_words(text)
    sound = [skill for skill in skills if not any(problem.severity == "error" for problem in skill.problems)]
    readings = [reading for skill in sound for reading in _readings(words, skill)]
    if not readings:
        return Intent(text, suggestions=_suggestions(words, sound))
    best = max(_rank(reading) for reading in readings)
    fitting = _unique(reading for reading in readings if _rank(reading) == best)
    if len(fitting) == 1:
        return Intent(text, reading=fitting[0])
    return Intent(text, others=tuple(fitting[:SHOWN]))


def _rank(reading: Reading) -> tuple[bool, int]:
    return not reading.problems, reading.score


def _unique(readings: Iterator[Reading]) -> list[Reading]:
    found: dict[tuple[str, str, tuple[str, ...]], Reading] = {}
    for reading in readings:
        found.setdefault((reading.skill, reading.command, reading.args), reading)
    return sorted(found.values(), key=lambda reading: (reading.skill, reading.command))


def _readings(words: Sequence[Word], skill: SkillInfo) -> Iterator[Reading]:
    start = _skip(words, 0, _POLITE)
    for command in skill.exports:
        for phrase in command.phrases:
            values = match(pattern_of(phrase), words[start:], _wide(command))
            if values is not None:
                yield _by_name(skill, command, values, score=100 + len(phrase.split()))
    yield from _by_its_name(words, start, skill)


def _by_its_name(words: Sequence[Word], start: int, skill: SkillInfo) -> Iterator[Reading]:
    """`[run] SKILL [COMMAND] [on] ARG…`, `[run] COMMAND [on] ARG… [with SKILL]`."""
    place = _skip(words, _skip(words, start, _VERBS), _ARTICLES)
    after = _starts(words, place, skill.name)
    if after is not None:
        yield from _of_skill(skill, words, after)
    for command in skill.exports:
        end = _starts(words, place, command.name)
        if end is not None and command.name != skill.name:
            yield _of_command(skill, command, words[end:])


def _of_skill(skill: SkillInfo, words: Sequence[Word], after: int) -> Iterator[Reading]:
    """The words from `after` on follow the skill's name."""
    if len(skill.exports) <= 1:
        yield _with(skill, skill.exports[0] if skill.exports else None, words[after:], score=80)
    spoken = [(command, _starts(words, after, command.name)) for command in skill.exports]
    for command, end in spoken:
        if end is not None:
            yield _with(skill, command, words[end:], score=90)
    if len(skill.exports) > 1 and not any(end for _, end in spoken):
        problem = f"it does several things: {', '.join(command.name for command in skill.exports)}"
        yield Reading(skill.name, problems=(problem,), score=70)


def _of_command(skill: SkillInfo, command: ExportedCommand, rest: Sequence[Word]) -> Reading:
    """A command by its own name; the skill may be named at the end, as in `lint main.py with linter`."""
    for length in (1, 2, 3, 4):
        link = len(rest) - length - 1
        if link >= 0 and rest[link].plain in _LINKS and _starts(rest, link + 1, skill.name) == len(rest):
            return _with(skill, command, rest[:link], score=90)
    return _with(skill, command, rest, score=60)


def _wide(command: ExportedCommand) -> frozenset[str]:
    """The arguments for which several words may stand."""
    known = command.args or ()
    return frozenset(
        each.name for each in known if each.many or (each.type is ArgumentType.STRING and not each.choices)
    )


def _skip(words: Sequence[Word], start: int, fillers: frozenset[str]) -> int:
    while start < len(words) and words[start].plain in fillers:
        start += 1
    return start


def _starts(words: Sequence[Word], start: int, name: str) -> int | None:
    """Where the words go on after `name`, which may be written with spaces for dashes; None if they do not begin so."""
    wanted = _parts(name)
    for length in range(1, len(wanted) + 1):
        part = words[start : start + length]
        if len(part) == length and all(word.plain for word in part):
            said = _parts(" ".join(word.plain for word in part))
            if said == wanted:
                return start + length
    return None


@lru_cache(maxsize=4096)
def _parts(name: str) -> tuple[str, ...]:
    return tuple(_DASH.split(name.casefold()))


def _with(skill: SkillInfo, command: ExportedCommand | None, words: Sequence[Word], *, score: int) -> Reading:
    """The reading in which `words` are what the command is given."""
    named: dict[str, object] = {}
    rest: list[Word] = []
    known = {argument.name: argument for argument in (command.args or () if command else ())}
    for word in words:
        match = None if word.quoted else _NAMED.fullmatch(word.text)
        if match and match[1] in known:
            named[match[1]] = _named_value(known[match[1]], match[2])
        else:
            rest.append(word)
    arguments = [argument for argument in known.values() if argument.name not in named]
    checked = command is not None and command.args is not None
    args = _spread(arguments, rest) if checked else tuple(word.text for word in rest[_skip(rest, 0, _LINKS) :])
    return _reading(skill, command, args, named, score)


def _named_value(argument: Argument, text: str) -> object:
    text = text.strip("\"'")
    return [from_word(argument, each) for each in text.split(",")] if argument.many else from_word(argument, text)


def _spread(arguments: Sequence[Argument], words: Sequence[Word]) -> tuple[str, ...]:
    """The words as arguments: what links them is left out, and the last text takes all that is left."""
    bare = [word for word in words if word.plain not in _LINKS]
    if len(bare) <= len(arguments) or not arguments or arguments[-1].many:
        return tuple(word.text for word in bare)
    last = arguments[-1]
    if last.type is not ArgumentType.STRING or last.choices:
        return tuple(word.text for word in bare)
    taken: list[str] = []
    position = 0
    while len(taken) < len(arguments) - 1:
        if words[position].plain not in _LINKS:
            taken.append(words[position].text)
        position += 1
    position = _skip(words, position, _LINKS)
    return (*taken, " ".join(word.text for word in words[position:]))


def _by_name(skill: SkillInfo, command: ExportedCommand, values: Mapping[str, object], *, score: int) -> Reading:
    """The reading of a phrase, whose values are known by name."""
    args, named = as_call(skill.exports, command, {name: str(value) for name, value in values.items()})
    return _reading(skill, command, args[1:] if len(skill.exports) > 1 else args, named, score)


def _reading(
    skill: SkillInfo, command: ExportedCommand | None, args: tuple[str, ...], named: Mapping[str, object], score: int
) -> Reading:
    if command is None:
        return Reading(skill.name, args=args, input=named, score=score)
    if len(skill.exports) > 1:
        args = (command.name, *args)
    bound = bind(skill.exports, args, named)
    values: Mapping[str, object] = bound.input if command.args is not None else {}
    return Reading(skill.name, command.name, args, named, values, bound.problems, score)


def _suggestions(words: Sequence[Word], skills: Sequence[SkillInfo]) -> tuple[str, ...]:
    """Sentences near the one that was not understood: a name that was mistyped, or skills that speak of the same."""
    said = {word.plain for word in words if len(word.plain) > 2} - _POLITE - _VERBS - _LINKS - _ARTICLES
    names = {skill.name: skill for skill in skills}
    scores: dict[str, int] = {}
    for skill in skills:
        about = f"{skill.name} {skill.description}"
        about += "".join(f" {each.name} {each.description} {' '.join(each.phrases)}" for each in skill.exports)
        shared = said & set(re.findall(r"\w+", about.casefold()))
        scores[skill.name] = len(shared)
    for word in said:
        near = nearest(word, names)
        if near:
            scores[near] += 2
    best = sorted((name for name, score in scores.items() if score), key=lambda name: (-scores[name], name))
    return tuple(example(names[name]) for name in best[:SHOWN])


def example(skill: SkillInfo) -> str:
    """A sentence that calls a skill."""
    command = skill.exports[0] if skill.exports else None
    if command and command.phrases:
        return PLACE.sub(lambda hole: hole[1].upper(), command.phrases[0])
    words = ["run", skill.name, *([command.name] if command and len(skill.exports) > 1 else ())]
    required = [argument.name.upper() for argument in (command.args or () if command else ()) if argument.required]
    return " ".join([*words, *(["on", *required] if required else ())])


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(str(each) for each in value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    text = str(value)
    return f'"{text}"' if not text or " " in text else text
