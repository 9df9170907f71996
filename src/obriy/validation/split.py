"""Scenes, and parts of them, set apart: to learn from, to choose by, and to report on.

Scenes of neighbouring days show the same ice. Where some of them teach and others judge, the
judgement is of memory (Roberts et al. 2017, doi:10.1111/ecog.02881). So whole blocks of time are
dealt out, and the scenes that figures are reported of are used for nothing else.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, Literal, TypeVar

import numpy as np

from obriy.errors import UsageError
from obriy.model.ice import ten_days_of, winter_of
from obriy.model.notices import notice

Item = TypeVar("Item")
Key = TypeVar("Key", str, tuple[int, ...])

LEAST_WINTERS: Final = 4
"""From so many winters on, winters are the blocks: two are held back, and two or more teach."""
LEAST_BLOCKS: Final = 3
WINTERS: Final = notice("whole_winters")
YEARS: Final = notice("whole_southern_winters")
TEN_DAYS: Final = notice("ten_day_periods")
OPTIMISTIC: Final = notice("scenes_at_random")


@dataclasses.dataclass(frozen=True)
class Split(Generic[Item]):
    """Scenes, or parts of them, by what they are for; no block is for two uses.

    Attributes:
        train: To learn from.
        validation: To choose by (the epoch, a setting).
        test: To report on; used for nothing else.
        rule: How they were set apart, a sentence; empty: nobody asked.
        blocks: Names of the blocks by use; empty where they have none.
    """

    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    test: tuple[Item, ...]
    rule: str = ""
    blocks: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    @property
    def parts(self) -> dict[str, tuple[Item, ...]]:
        """The three by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


def describe_scenes(
    split: Split[int], names: Sequence[str], times: Sequence[str]
) -> dict[str, Any]:
    """Return a split of scenes as plain values: rule, and of each part its blocks and scenes.

    Args:
        split: Of `split_by_time`.
        names: Of the scenes that were split, in order.
        times: Of the same, ISO 8601.
    """
    return {"rule": split.rule} | {
        part: {
            "scenes": len(chosen),
            "first": min(times[i] for i in chosen)[:10],
            "last": max(times[i] for i in chosen)[:10],
            "blocks": split.blocks.get(part, []),
            "names": [names[i] for i in chosen],
        }
        for part, chosen in split.parts.items()
    }


def split_by_time(
    times: Sequence[str],
    *,
    validation_share: float = 0.15,
    test_share: float = 0.15,
    seed: int,
    by: Literal["time", "random"] = "time",
    southern: bool = False,
) -> Split[int]:
    """Set scenes apart in time; return their places in the list.

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
    rule: str = OPTIMISTIC
    if by == "random":
        keys = [str(number) for number in range(len(times))]
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
    shares = {"test": test_share, "validation": validation_share}
    split = deal(range(len(times)), keys, shares, seed)
    blocks = {part: sorted({keys[i] for i in chosen}) for part, chosen in split.parts.items()}
    return dataclasses.replace(split, rule=rule, blocks={} if by == "random" else blocks)


def _blocks_of(times: Sequence[str], southern: bool) -> tuple[list[str], str]:
    """Return the block of each scene, and the rule."""
    winters = [winter_of(time, southern=southern) for time in times]
    if len(set(winters)) >= LEAST_WINTERS:
        return winters, YEARS if southern else WINTERS
    return [ten_days_of(time) for time in times], TEN_DAYS


def deal(
    items: Sequence[Item], keys: Sequence[Key], shares: Mapping[str, float], seed: int
) -> Split[Item]:
    """Deal blocks of items out at random: each use gets at least one, learning the rest.

    Args:
        items: What is set apart.
        keys: The block of each; there are three or more.
        shares: Of the items for ``validation`` and ``test``, in the order in which they are dealt;
            met as nearly as blocks allow.
        seed: Of the deal.
    """
    counts = Counter(keys)
    names = sorted(counts)
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    use = {}
    for number, (part, share) in enumerate(shares.items()):
        held, spare = 0, len(shares) - number  # blocks that later parts need
        while len(order) > spare:
            nearer = held + counts[order[0]] / 2 <= share * len(items)
            if held and not nearer:
                break
            held += counts[order[0]]
            use[order.pop(0)] = part
    dealt = {
        part: tuple(one for one, key in zip(items, keys, strict=True) if use.get(key) == part)
        for part in shares
    }
    rest = tuple(one for one, key in zip(items, keys, strict=True) if key not in use)
    return Split(train=rest, validation=dealt["validation"], test=dealt["test"])
