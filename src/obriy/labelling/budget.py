"""What a panel may cost, what it is thought to cost, and what it did cost."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from obriy.errors import UsageError

_KINDS: Final = ("calls", "tokens", "usd")
_EXAMPLE: Final = 'For example: "calls=200,tokens=2e6,usd=1.5".'


@dataclasses.dataclass(frozen=True)
class Usage:
    """What was asked of a labeller, or is thought to be needed.

    Attributes:
        calls: Requests sent, those that failed included.
        cached: Requests answered by the cache.
        input_tokens: As the provider counts them; where it does not, as they were estimated.
        output_tokens: Likewise.
        usd: US dollars; None: the price of the model is not known.
        unmeasured: Calls of which the provider did not say the tokens.
    """

    calls: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = 0.0
    unmeasured: int = 0

    @property
    def tokens(self) -> int:
        """Tokens of input and output."""
        return self.input_tokens + self.output_tokens

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self)


def total(usages: Iterable[Usage]) -> Usage:
    """Add up; dollars are not known where those of any calls are not."""
    listed = list(usages)
    paid = [u.usd for u in listed if u.usd is not None]
    return Usage(
        calls=sum(u.calls for u in listed),
        cached=sum(u.cached for u in listed),
        input_tokens=sum(u.input_tokens for u in listed),
        output_tokens=sum(u.output_tokens for u in listed),
        usd=math.fsum(paid) if len(paid) == len(listed) else None,
        unmeasured=sum(u.unmeasured for u in listed),
    )


@dataclasses.dataclass(frozen=True)
class Budget:
    """The most that may be spent; None: no cap.

    Attributes:
        calls: Requests, repeated ones included; answers of the cache are free.
        tokens: Of input and output together.
        usd: US dollars.
    """

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None

    def left_after(self, spent: Usage) -> "Budget":
        """Return what is left, for the next round of a panel."""
        usd = None if self.usd is None else max(self.usd - (spent.usd or 0.0), 0.0)
        calls = None if self.calls is None else max(self.calls - spent.calls, 0)
        tokens = None if self.tokens is None else max(self.tokens - spent.tokens, 0)
        return Budget(calls, tokens, usd)

    def part(self, count: int) -> str:
        """Return an equal part of it as text, as `parse_budget` reads it; whole calls and tokens.

        Args:
            count: How many panels share it, 1 or more.
        """
        parts = {
            "calls": None if self.calls is None else self.calls // count,
            "tokens": None if self.tokens is None else self.tokens // count,
            "usd": None if self.usd is None else self.usd / count,
        }
        return ",".join(f"{kind}={cap!r}" for kind, cap in parts.items() if cap is not None)

    def exceeded_by(self, usage: Usage) -> str:
        """Return the cap that a usage breaks, ``"calls"``, ``"tokens"`` or ``"usd"``; or ``""``.

        What has no known price breaks every cap in dollars: else the cap would promise nothing.
        """
        if self.calls is not None and usage.calls > self.calls:
            return "calls"
        if self.tokens is not None and usage.tokens > self.tokens:
            return "tokens"
        if self.usd is not None and (usage.usd is None or usage.usd > self.usd):
            return "usd"
        return ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self)


def parse_budget(text: str | None) -> Budget:
    """Read a budget, e.g. ``"calls=200,tokens=2e6,usd=1.5"``; None or empty: no caps.

    Raises:
        UsageError: an unknown word, one said twice, a value that is no number from 0 up.
    """
    caps: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in (text or "").split(","))):
        kind, _, value = (p.strip().lower() for p in part.partition("="))
        if kind not in _KINDS or kind in caps:
            raise UsageError(f"A budget is not made of '{part}'.", _EXAMPLE)
        caps[kind] = _amount(part, value)
    whole = {kind: int(caps[kind]) for kind in ("calls", "tokens") if kind in caps}
    return Budget(whole.get("calls"), whole.get("tokens"), caps.get("usd"))


def _amount(part: str, value: str) -> float:
    try:
        amount = float(value)
    except ValueError:
        amount = math.nan
    if not (amount >= 0 and math.isfinite(amount)):
        raise UsageError(f"'{part}' in the budget is no amount from 0 up.", _EXAMPLE)
    return amount


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a panel cost.

    Attributes:
        by_labeller: Usage of each labeller that costs anything.
        estimate: What was thought to be needed, before anything was asked.
        cap: What was allowed.
        stopped_by: The cap that ended the asking; ``""``: none did.
    """

    by_labeller: Mapping[str, Usage] = dataclasses.field(default_factory=dict)
    estimate: Usage = dataclasses.field(default_factory=Usage)
    cap: Budget = dataclasses.field(default_factory=Budget)
    stopped_by: str = ""

    @property
    def total(self) -> Usage:
        """All labellers together."""
        return total(self.by_labeller.values())

    def __add__(self, later: "Cost") -> "Cost":
        """Return the cost of two rounds; the cap is that of the first."""
        rounds = (self.by_labeller, later.by_labeller)
        names = dict.fromkeys(name for usages in rounds for name in usages)
        return Cost(
            {name: total(u[name] for u in rounds if name in u) for name in names},
            total((self.estimate, later.estimate)),
            self.cap,
            self.stopped_by or later.stopped_by,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values in the shape of ``cost`` in ``result.json``."""
        return {
            **self.total.to_dict(),
            "by_labeller": {name: usage.to_dict() for name, usage in self.by_labeller.items()},
            "estimate": self.estimate.to_dict(),
            "cap": self.cap.to_dict(),
            "stopped_by": self.stopped_by,
        }


class Meter:
    """Counts what is spent while labellers are asked, and stops them at the cap.

    Before a request its estimate is set aside, so that requests under way do not break the cap
    together; afterwards the true usage takes its place. A single answer that is longer than its
    estimate can break a cap in tokens or dollars by that much, and nothing is asked after it.

    Args:
        cap: The most that may be spent.
    """

    def __init__(self, cap: Budget) -> None:
        self.cap = cap
        self.stopped_by = ""
        self._spent: dict[str, list[Usage]] = {}
        self._aside: list[Usage] = []

    def admit(self, estimate: Usage) -> str:
        """Set aside what a request may need; return ``""``, or the cap that forbids it."""
        if not self.stopped_by:
            spent = (usage for listed in self._spent.values() for usage in listed)
            self.stopped_by = self.cap.exceeded_by(total([*spent, *self._aside, estimate]))
        if not self.stopped_by:
            self._aside.append(estimate)
        return self.stopped_by

    def settle(self, labeller: str, estimate: Usage, usage: Usage) -> None:
        """Put the true usage of a request in the place of its estimate."""
        self._aside.remove(estimate)
        self.count(labeller, usage)

    def count(self, labeller: str, usage: Usage) -> None:
        """Count a usage that nothing was set aside for, such as an answer of the cache."""
        self._spent.setdefault(labeller, []).append(usage)

    def by_labeller(self, names: Iterable[str]) -> dict[str, Usage]:
        """Return the usage of each of these labellers."""
        return {name: total(self._spent.get(name, [])) for name in names}
