"""How hard the simulated worlds are: errors in area of some methods over many seeds.

Each seed is a place of 256 x 256 pixels of 10 m on a date between April and October. The area is
that of the mask, and for methods that give one, of the fraction; unseen pixels count on neither
side.

    python benchmarks/simulator/hardness.py [--seeds 40] [--settings easy_clear,hard_clear]
"""

import argparse
import datetime as dt

import numpy as np

import obriy
from obriy.simulate.season import make_season

METHODS = ("mndwi:zero", "ndwi:0.05", "mndwi:otsu", "auto")
SIZE = (256, 256)


def date_of(seed: int) -> str:
    return (dt.date(2023, 4, 1) + dt.timedelta(days=(seed * 37) % 213)).isoformat()


def errors(setting: str, seed: int) -> dict[str, float]:
    """Return mapped less true area over true area, by method; and the intersection over union."""
    made = make_season(SIZE, seed, setting=setting).on(date_of(seed))
    truth = made.truth_fraction.to_numpy().astype(float)
    found = {}
    for method in METHODS:
        mapped = obriy.map_water(made.scene, method=method)
        labels = mapped.labels.to_numpy()
        seen = (labels > 0) & (labels < 255)
        water, true = labels == 2, truth[seen].sum()
        found[method] = water[seen].sum() / true - 1
        both = (water & (truth >= 0.5) & seen).sum()
        found[f"{method} IoU"] = both / ((water | (truth >= 0.5)) & seen).sum()
        if mapped.fraction is not None:
            share = mapped.fraction.to_numpy()[seen] / 200.0
            found[f"{method} fraction"] = share.sum() / true - 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--settings", default="easy_clear,hard_clear")
    args = parser.parse_args()
    seeds = range(args.first, args.first + args.seeds)
    for setting in args.settings.split(","):
        rows = [errors(setting, seed) for seed in seeds]
        print(f"\n{setting}, {len(rows)} seeds: error in area")
        print("| | median of size | 10 % | 50 % | 90 % | largest |")
        print("|---|---|---|---|---|---|")
        for name in rows[0]:
            values = np.array([row[name] for row in rows])
            low, middle, high = np.percentile(values, [10, 50, 90])
            worst = values[np.abs(values).argmax()]
            if name.endswith("IoU"):
                print(f"| {name} | {middle:.3f} | {low:.3f} | {middle:.3f} | {high:.3f} | |")
                continue
            print(f"| {name} | {np.median(np.abs(values)):.1%} | {low:+.1%} | {middle:+.1%} "
                  f"| {high:+.1%} | {worst:+.1%} |")  # fmt: skip


if __name__ == "__main__":
    main()
