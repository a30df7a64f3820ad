"""Windows and prices of models, for when the service does not tell."""

from __future__ import annotations

from dataclasses import dataclass

from cis_tui.agents.model import Usage


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, and tokens of the window."""

    input: float
    output: float
    window: int = 1_000_000


# From the service's price list of November 2026; what is read from the cache costs a tenth of the input, what is
# written to it a quarter more than the input.
_PRICES: dict[str, Price] = {
    "claude-opus-5-5": Price(4, 20),
    "claude-sonnet-5-5": Price(2, 10),
    "claude-haiku-5-5": Price(0.1, 0.5),
    "claude-fable-5": Price(10, 50),
}
_CACHE_READ, _CACHE_WRITTEN = 0.1, 1.25
_LONG_HAIKU, _FIVEFOLD = 100_000, 5


def price_of(model: str) -> Price | None:
    """The price of `model`, or of the family that its name begins with."""
    return next((price for name, price in _PRICES.items() if model.startswith(name)), None)


def cost_of(model: str, usage: Usage) -> float | None:
    """US dollars of one answer; None where no price is known."""
    price = price_of(model)
    if price is None:
        return None
    read = usage.input + usage.cache_read + usage.cache_written
    factor = _FIVEFOLD if model.startswith("claude-haiku-5-5") and read > _LONG_HAIKU else 1
    tokens = usage.input + _CACHE_READ * usage.cache_read + _CACHE_WRITTEN * usage.cache_written
    return factor * (tokens * price.input + usage.output * price.output) / 1_000_000
