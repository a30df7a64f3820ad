"""Turns of plain conversation, put together from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

_WHO = (
    "Maria|Tom|my sister|the neighbour|our landlord|Grandma|Dr. Weiss|the new colleague|my boss|Ling|Ahmed|"
    "the plumber|my cousin Ana|Jon and Eva|the band"
)
_WHAT = (
    "the garden fence|a birthday cake|the train tickets|an old bicycle|the quarterly report|a pair of hiking boots|"
    "the kitchen sink|a jazz record|the class photo|a second-hand piano|the tax papers|a crossword|the spare key|"
    "the secret recipe|a bus pass|the parking token|a pin for the map|the code of conduct|the password rules"
)
_DONE = (
    "fixed|lost|found|finished|forgot|repaired|painted|sold|returned|photographed|cleaned|ordered|borrowed|wrapped|"
    "explained"
)
_WHEN = (
    "yesterday|on Tuesday|last summer|at 7:45|in March 2023|two weeks ago|on 12 May|before lunch|at half past nine|"
    "over the weekend|in 1998|around 18:30|this morning|on the 21st"
)
_WHERE = (
    "in Lisbon|at the lake|near platform 9|on Baker Street 221|by the old mill|at the office|in the attic|"
    "at the market hall|on the 4th floor|under the bridge"
)
_FEEL = "so happy|a bit tired|really proud|rather annoyed|excited|relieved|nervous|hungry|surprised|grateful"
_NUMBER = "3|12|40|175|2,300|8.5|99|1,204|6|27"
_THING = "kilometres|euros|pages|guests|photos|tomatoes|degrees|steps|cups|chapters"

_TURNS = """
    Hey! {who} {done} {what} {when}, can you believe it?
    I walked {number} {thing} {where} {when} and now I am {feel}.
    Did {who} tell you about {what}? We talked for hours {where}.
    I keep forgetting my password, so {who} showed me how a password manager works.
    {who} says the secret is patience; I say the secret is butter.
    We paid {number} euros for {what}, which was {number} less than {when}.
    The token machine {where} was broken, so we bought {what} instead.
    My key got stuck in the lock {when}, {who} had to climb through the window.
    Honestly I am {feel} about {what}, it took {number} days.
    Could you send me the photos from {when}? {who} wants {number} of them.
    What is the code of the book club again? No wait, {who} {done} it.
    {who} read {number} {thing} {when} and {done} {what} {where}.
    I think we should meet {where} at {number}, or call {who} first.
    My doctor said {number} {thing} a day is fine, I am {feel}.
    The recipe needs {number} cups of flour, {number} eggs and a pinch of salt; bake it until golden.
    We decided to adopt a dog! {who} wants to call it Biscuit, I prefer Pepper.
    I always use the same route: bus {number}, then the bridge, then {where}.
    The bank card of {who} was declined, how embarrassing, so I paid {number} euros.
    {who} has to renew the passport before the trip, the office opens {when}.
    Happy birthday! {number} already? {who} and I bought {what} for you.
    I read that article about secret gardens {where}, the author {done} {what}.
    Is the wifi working? {who} reset the router {when} and I am {feel} now.
    They gave us a pin each, mine says "{number} {thing}", so silly.
    My login did not work {when}, so {who} {done} {what} for me.
    Room {number} or room {number}? {who} wrote both {where}.
    Chapter {number} is the best: the token of love was {what} all along!
    Call me after {when}, I was {feel} and {done} {what}.
    The score was {number} to {number}, {who} screamed {where}.
    It is {number} degrees {where}, {who} {done} {what} in the rain.
    No account of the trip is complete without {what}; {who} {done} it {when}.
"""


def turns(rng: Random, count: int) -> Iterator[str]:
    """`count` turns."""
    parts = {
        name: text.split("|")
        for name, text in {
            "who": _WHO,
            "what": _WHAT,
            "done": _DONE,
            "when": _WHEN,
            "where": _WHERE,
            "feel": _FEEL,
            "number": _NUMBER,
            "thing": _THING,
        }.items()
    }
    frames = [line.strip() for line in _TURNS.strip().splitlines()]
    for _ in range(count):
        said = " ".join(rng.sample(frames, rng.choice((1, 1, 2, 3))))
        while "{" in said:
            before, _, rest = said.partition("{")
            name, _, after = rest.partition("}")
            said = before + rng.choice(parts[name]) + after
        yield said
