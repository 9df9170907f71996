"""Fit what water maps miss and invent, for `tables/uncertainty.toml`. Seconds.

    python benchmarks/tune_intervals/collect.py chips FOLDER
    python benchmarks/tune_intervals/collect.py simulator FOLDER
    python benchmarks/tune_intervals/fit.py FOLDER            # prints the tables to copy
    python benchmarks/tune_intervals/fit.py FOLDER --report   # coverage and widths as it is now

After a water method was changed: delete the files of FOLDER and run all three again. Both ends are
quantile regressions (Koenker and Bassett 1978, doi:10.2307/1913643) with coefficients of at least
0, of what the other causes leave: pixels of 30 m from the hand-drawn labels of the `choose` places
(truth: midway), of 10 m from simulated places with seeds 100 to 109. Maps of all methods count, and
each set and method weighs alike.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from collect import tally_of
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, eye, hstack

from obriy.measures import uncertainty

UP = {30: ("shore", "beside", "plots", "doubtful"), 10: ("shore", "doubtful", "plots", "water")}
DOWN = ("drops", "doubtful", "shore")
TAU = {30: (0.97, 0.96), 10: (0.95, 0.95)}
GROUND = 0.3
"""Of what is missed on ground without a shore, the part that is so everywhere, as chips of one size
cannot tell: the mean over them, over the 95th percentile."""
WATER = 2


def load(folder):
    files = [*folder.glob("*.csv")]
    table = pd.concat([pd.read_csv(p, dtype={"place": str}) for p in files], ignore_index=True)
    lacking = table.beside.isna()  # of quarters of a simulated place no block is without a shore
    table.loc[lacking, "beside"] = (table.dry + table.water)[lacking]
    return table


def estimates(table, *, bare):
    """Return low, expected, high and terms; ``bare``: without what is fitted here."""
    own = dict(uncertainty._settings())
    if bare:
        own |= {cause: {"pixels_m": [10, 30]} for cause in uncertainty.ONE_SIDED}
    kept, uncertainty._settings = uncertainty._settings, lambda table="": own
    tallies = [tally_of(row) for row in table.to_dict("records")]
    found = [
        uncertainty.estimate(t, WATER, total) for t, total in zip(tallies, table.total, strict=True)
    ]
    uncertainty._settings = kept
    ends = np.array([(f.low, f.expected, f.high) for f in found])
    return ends, pd.DataFrame([uncertainty.terms(t) for t in tallies])


def quantile_fit(x, y, weight, tau):
    """Return the coefficients, at least 0, that make y - x b lie below 0 with probability tau."""
    n, k = x.shape
    left = hstack([csr_matrix(x), eye(n), -eye(n)])
    cost = np.r_[np.zeros(k), tau * weight, (1 - tau) * weight]
    return linprog(cost, A_eq=left, b_eq=y, bounds=(0, None), method="highs").x[:k]


def fit(table, pixel):
    """Return the coefficients of both ends for pixels of a size."""
    part = table[(table.pixel**0.5 / pixel - 1).abs() < 0.1]
    part = part[part.set.eq("choose") if pixel == 30 else part.set.str.contains("clear")]
    part = part.reset_index(drop=True)
    ends, terms = estimates(part, bare=True)
    truth, size = part.midway, part.total
    # Between an error in per cent of the water and one in per cent of the ground: small waters
    # would take all of the first, large ones of the second.
    scale = np.sqrt(((truth + part.fraction) / 2 + 5 * part.pixel) * size).to_numpy()
    weight = 1 / part.groupby(["set", "method"]).set.transform("size").to_numpy()
    weight = weight / weight.mean()
    result = {}
    for cause, names, gap, tau in (
        ("commission", DOWN, ends[:, 0] - truth, TAU[pixel][0]),
        ("omission", UP[pixel], truth - ends[:, 2], TAU[pixel][1]),
    ):
        x = terms[list(names)].to_numpy() / scale[:, None]
        found = quantile_fit(x, (gap / scale).to_numpy(), weight, tau)
        result[cause] = dict(zip(names, found, strict=True))
    plots = result["omission"].pop("plots", 0.0)
    result["omission"] |= {"ground": GROUND * plots, "plots": (1 - GROUND) * plots}
    return result


def report(table):
    ends, _ = estimates(table, bare=False)
    table = table.assign(low=ends[:, 0], expected=ends[:, 1], high=ends[:, 2])
    for name, part in table.groupby("set"):
        show(f"{name} all", part)
        for method, own in part.groupby("method"):
            show(f"{name} {method}", own)


def show(name, part):
    held = {
        kind: ((part.low <= part[kind] + 1) & (part[kind] <= part.high + 1))
        for kind in ("outer", "midway", "inner")
    }
    by_place = held["midway"].groupby(part.place).mean().mean()
    known = part.midway > 0
    width = (part.high - part.low)[known] / part.midway[known]
    bias = ((part.expected - part.midway)[known] / part.midway[known]).median()
    print(
        f"{name:28s} n {len(part):4d} held: label {held['outer'].mean():.0%} midway "
        f"{held['midway'].mean():.0%} (by place {by_place:.0%}) inner {held['inner'].mean():.0%}; "
        f"width {width.median():.2f} of the truth, "
        f"{((part.high - part.low) / part.total).median():.3f} of the ground; bias {bias:+.0%}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--report", action="store_true")
    args = parser.parse_args()
    table = load(args.folder)
    if args.report:
        report(table)
        return
    fine, coarse = (fit(table, pixel) for pixel in (10, 30))
    for cause in uncertainty.ONE_SIDED:
        print(f"[{cause}]\npixels_m = [10, 30]")
        for name in dict.fromkeys([*fine[cause], *coarse[cause]]):
            pair = fine[cause].get(name, 0.0), coarse[cause].get(name, 0.0)
            if any(round(v, 4) for v in pair):
                print(f"{name} = [{pair[0]:.4f}, {pair[1]:.4f}]")


if __name__ == "__main__":
    main()
