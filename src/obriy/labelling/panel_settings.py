"""How a panel of labellers is asked."""

import dataclasses
from pathlib import Path

from obriy.errors import UsageError
from obriy.labelling.budget import Budget
from obriy.labelling.minutes import Minutes
from obriy.model.clusters import Answer


@dataclasses.dataclass(frozen=True)
class PanelSettings:
    """How a panel is asked, and what it may cost.

    Attributes:
        budget: The most that may be spent.
        at_once: Most requests under way, of all labellers together.
        timeout_s: Seconds that one request may take.
        tries: Times that one request is sent, where the provider is busy or cannot be reached.
        pause_s: Seconds before the second try, doubled for each further one, with jitter; a
            provider's ``Retry-After`` comes first.
        cache: Folder of answers that were paid for already; None: nothing is kept.
        sheet: File of the labeller ``human`` where the user names none.
        seed: Of the jitter of the pauses.
        round: How often the panel has met before about this scene.
        earlier: What was said then: who is asked anew hears what it said itself of neighbours.
        recorded: What the same run recorded before: of clusters that are the same nobody but a
            person is asked anew, for another version of the software may answer otherwise.
    """

    budget: Budget = dataclasses.field(default_factory=Budget)
    at_once: int = 4
    timeout_s: float = 60.0
    tries: int = 4
    pause_s: float = 1.0
    cache: Path | None = None
    sheet: Path | None = None
    seed: int = 0
    round: int = 0
    earlier: tuple[Answer, ...] = ()
    recorded: Minutes | None = None

    def __post_init__(self) -> None:
        for name in ("at_once", "timeout_s", "tries"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be more than 0.")
