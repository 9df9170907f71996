"""Scenes set apart in time: to learn from, to choose by, and to report on.

Scenes of neighbouring days show the same ice. Where some of them teach and others judge, the
judgement is of memory (Roberts et al. 2017, doi:10.1111/ecog.02881). So whole blocks of time are
dealt out, and the scenes that figures are reported of are used for nothing else.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

import numpy as np

from obriy.errors import UsageError
from obriy.model.ice import ten_days_of, winter_of

Key = TypeVar("Key", str, tuple[int, ...])

LEAST_WINTERS: Final = 4
"""From so many winters on, winters are the blocks: two are held back, and two or more teach."""
LEAST_BLOCKS: Final = 3
OPTIMISTIC: Final = (
    "Scenes at random, as in document B: neighbours in time lie on both sides, and the figures are "
    "optimistic."
)


@dataclasses.dataclass(frozen=True)
class TimeSplit:
    """Scenes by what they are for, by their place in the list that was split.

    Attributes:
        train: To learn from.
        validation: To choose by (the epoch, a setting).
        test: To report on; used for nothing else.
        rule: How they were set apart, a sentence.
        blocks: Names of the blocks of time by use; empty where scenes were dealt at random.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    rule: str
    blocks: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    def describe(self, names: Sequence[str], times: Sequence[str]) -> dict[str, Any]:
        """Return the split as plain values: rule, and of each part its blocks and scenes.

        Args:
            names: Of the scenes that were split, in order.
            times: Of the same, ISO 8601.
        """
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {"rule": self.rule} | {
            part: {
                "scenes": len(chosen),
                "first": min(times[i] for i in chosen)[:10],
                "last": max(times[i] for i in chosen)[:10],
                "blocks": self.blocks.get(part, []),
                "names": [names[i] for i in chosen],
            }
            for part, chosen in parts.items()
        }


def split_by_time(
    times: Sequence[str],
    *,
    validation_share: float = 0.15,
    test_share: float = 0.15,
    seed: int,
    by: Literal["time", "random"] = "time",
    southern: bool = False,
) -> TimeSplit:
    """Set scenes apart.

    The blocks are winters (1 July to 30 June; in the south calendar years) where there are at least
    four, else ten-day periods (days 1 to 10, 11 to 20, 21 to the end). Whole blocks are dealt at
    random until each share is met as nearly as blocks allow; no two parts share a block.

    Args:
        times: Of the scenes, ISO 8601, to the day at least; several may be equal.
        validation_share: Share of the scenes to choose by, 0 to 1.
        test_share: Share of the scenes to report on.
        seed: Of the deal.
        by: ``"time"``, or ``"random"``: every scene is a block of its own, which is optimistic.
        southern: Whether the scenes are of the southern hemisphere.

    Raises:
        UsageError: where there are not three blocks.
    """
    if by == "random":
        keys, rule = [str(number) for number in range(len(times))], OPTIMISTIC
    else:
        keys, rule = _blocks_of(times, southern)
    counts = Counter(keys)
    if len(counts) < LEAST_BLOCKS:
        raise UsageError(
            f"The {len(times)} scenes make {len(counts)} "
            f"{'scenes' if by == 'random' else 'ten-day periods'}, and three are needed: to learn "
            "from, to choose by, and to report on.",
            "Give scenes of more dates" + (", or --split random." if by == "time" else "."),
        )
    use = deal(counts, {"test": test_share, "validation": validation_share}, seed)
    parts = {
        part: tuple(i for i, key in enumerate(keys) if use[key] == part)
        for part in ("train", "validation", "test")
    }
    blocks = {part: sorted(k for k in counts if use[k] == part) for part in parts}
    return TimeSplit(**parts, rule=rule, blocks={} if by == "random" else blocks)


def _blocks_of(times: Sequence[str], southern: bool) -> tuple[list[str], str]:
    """Return the block of each scene, and the rule."""
    winters = [winter_of(time, southern=southern) for time in times]
    if len(set(winters)) >= LEAST_WINTERS:
        span = "1 January to 31 December" if southern else "1 July to 30 June"
        return winters, f"Whole winters ({span}): no winter lies in two parts."
    return [ten_days_of(time) for time in times], (
        f"Ten-day periods, as there are fewer than {LEAST_WINTERS} winters: no period lies in two "
        "parts, but neighbouring ones may."
    )


def deal(counts: Mapping[Key, int], shares: Mapping[str, float], seed: int) -> dict[Key, str]:
    """Deal blocks out at random: each use gets at least one, and ``"train"`` the rest.

    Args:
        counts: How much each block weighs; there are more blocks than shares.
        shares: Of all that the blocks weigh, by use; met as nearly as blocks allow.
        seed: Of the deal.
    """
    names = sorted(counts)
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    scenes = sum(counts.values())
    use = {}
    for number, (part, share) in enumerate(shares.items()):
        held, spare = 0, len(shares) - number  # blocks that later parts need
        while len(order) > spare:
            nearer = held + counts[order[0]] / 2 <= share * scenes
            if held and not nearer:
                break
            held += counts[order[0]]
            use[order.pop(0)] = part
    return use | dict.fromkeys(order, "train")
