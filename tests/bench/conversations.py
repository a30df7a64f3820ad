"""A small set of made-up conversations: turns of several people, and questions about what one of them said."""

from __future__ import annotations

import random
from dataclasses import dataclass

_PEOPLE = ("Anna", "Bram", "Chiara", "Deniz", "Elif", "Farid", "Greta", "Hiro", "Ines", "Jonas")
_FACTS = (
    (
        "I adopted a {} from the shelter last spring",
        ("beagle", "greyhound", "tabby"),
        "What pet did {} adopt?",
    ),
    ("my {} gave me a telescope for my birthday", ("sister", "uncle", "boss", "roommate"), "Who gave {} a telescope?"),
    (
        "we drove to {} and slept in the van",
        ("Norway", "Portugal", "Croatia"),
        "Where did {} drive with the van?",
    ),
    (
        "I am allergic to {}, so no dessert for me",
        ("hazelnuts", "eggs", "milk"),
        "What is {} allergic to?",
    ),
    ("I quit the bank and teach {} now", ("chemistry", "pottery", "Latin", "swimming"), "What does {} teach now?"),
    (
        "the doctor told me to rest my {}",
        ("knee", "wrist", "back", "left ankle"),
        "What must {} rest?",
    ),
    (
        "I finished the {} novel that you lent me",
        ("Russian", "Icelandic", "spy", "ghost"),
        "Which novel did {} finish?",
    ),
    (
        "our {} broke down and the repair costs a fortune",
        ("boiler", "car", "roof"),
        "What broke down at {}'s home?",
    ),
    (
        "I am learning the {} with an old teacher",
        ("cello", "banjo", "oboe"),
        "Which instrument does {} learn?",
    ),
    ("we named the baby {}", ("Mila", "Otto", "Noor", "Felix"), "How is the child of {} called?"),
    ("I run along the {} before breakfast", ("canal", "beach", "old railway", "river"), "Where does {} exercise?"),
    ("I voted against the new {} downtown", ("stadium", "parking lot", "casino", "airport"), "What does {} oppose?"),
    ("I moved in with {} in October", ("a violinist", "two nurses", "my cousin", "a baker"), "Who does {} live with?"),
    (
        "my talk about {} was accepted at the conference",
        ("glaciers", "bees", "sleep"),
        "What is {}'s talk about?",
    ),
    (
        "I sold my {} to pay for the course",
        ("motorbike", "camera", "piano", "boat"),
        "What did {} sell for the course?",
    ),
    (
        "on Sundays I cook {} for everybody",
        ("lamb stew", "dumplings", "paella"),
        "What does {} cook on Sundays?",
    ),
)
_CHAT = (
    "That sounds great, tell me more!",
    "I know exactly what you mean.",
    "How was your week?",
    "Let us talk about it on Friday.",
    "I have been so busy lately, sorry for the late answer.",
    "Did you see the match yesterday?",
    "The weather here is awful, it has been raining for days.",
    "Thanks for asking, I am doing fine.",
    "Ha, you always say that.",
    "I need coffee before I can think.",
    "We should meet more often, {}.",
    "What do you think, {}?",
    "{}, you would have loved it.",
    "I told {} about it and we laughed a lot.",
)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """A set to measure a search on."""

    name: str
    texts: dict[str, str]
    """By document."""
    questions: dict[str, str]
    relevant: dict[str, dict[str, float]]
    """By question, the documents that answer it, with their grades."""


def conversations(seed: int = 7) -> Retrieval:
    """Ten people tell sixteen things each, in between much that says nothing."""
    chance = random.Random(seed)
    texts: dict[str, str] = {}
    questions: dict[str, str] = {}
    relevant: dict[str, dict[str, float]] = {}
    for person in _PEOPLE:
        for number, (fact, choices, question) in enumerate(_FACTS):
            for _ in range(chance.randint(1, 4)):
                other = chance.choice(_PEOPLE)
                texts[f"turn-{len(texts)}"] = f"{chance.choice(_PEOPLE)}: {chance.choice(_CHAT).format(other)}"
            turn = f"turn-{len(texts)}"
            texts[turn] = f"{person}: {chance.choice(_CHAT[:4])} {fact.format(chance.choice(choices))}."
            name = f"{person}-{number}"
            questions[name] = question.format(person)
            relevant[name] = {turn: 1.0}
    return Retrieval("conversations", texts, questions, relevant)
