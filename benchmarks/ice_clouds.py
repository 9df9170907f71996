"""Clouds of `auto` beside methods for ice that know none: what they do to ice, water and areas.

One scene of each seed, as in `ice_methods.py`. Each method stands as it is ("clear": cloud is what
it makes of it; the figures of ice are those of `ice_methods.py`), with the clouds of `auto` over
all ("hides"), and with them where it says no ice ("stands"); a star marks what `obriy ice` does.
The rule was chosen on seeds below 1000, and is reported on others.

    python benchmarks/ice_clouds.py --seeds 100-119,700-759 [--methods m201,ndsi] [--chosen]
"""

import argparse
import warnings

import numpy as np

from ice_methods import scenes, span
from obriy.blocks.engine import EngineOptions
from obriy.measures.concentration import concentration
from obriy.measures.ice import measure_ice
from obriy.methods.ice.auto import AutoIce
from obriy.methods.ice.clouds import CloudsBeside
from obriy.methods.ice.spec import with_clouds
from obriy.model.classmap import ClassMap
from obriy.model.ice import BANDS, CLOUD, LAND, WATER
from obriy.model.legend import load_legend
from obriy.model.provenance import Provenance
from obriy.validation.ice_scores import count_ice, ice_scores
from obriy.workflows.ice.mapping import ICE, ice_method
from obriy.workflows.passes import array_sinks, given, layers_of, run_passes

METHODS = "auto,m201,ndsi,mod29,green:0.2,nir:otsu"
HEAD = """\
                   IoU of ice [90 %]     of cloud ice, water; of ice cloud; water found, right; \
area: rms error, bias (of the sea), held, width of interval"""
HARDLY = 0.95
"""Share of cloud from which a scene says nothing of an area."""


def kinds(name, chosen):
    """Return a method in each of its ways, by what the table calls it."""
    method = ice_method(name, None, 0, "cpu")
    fit = with_clouds(method, set(BANDS))
    if fit is method:
        return {f"{name} *": method}
    beside = {way: CloudsBeside(method, AutoIce(), way == "stands") for way in ("hides", "stands")}
    ways = {"clear": method} | {f"{way}{' *' * (one == fit)}": one for way, one in beside.items()}
    return {f"{name} {k}": v for k, v in ways.items() if not chosen or k == "clear" or "*" in k}


def mapped(scene, methods):
    """Return the map of a scene by each method."""
    work = [(one, array_sinks(scene, given(ICE, one))) for one in methods]
    quiet = EngineOptions(workers=1)
    run_passes(scene, work, subject="ice", clouds="flags", options=quiet)
    about = {"legend": load_legend("ice"), "provenance": Provenance()}
    return [ClassMap(**layers_of(scene, sinks), **about) for _, sinks in work]


def looked_at(one, class_map):
    """Return what the row of a table is made of."""
    truth, said = one.truth.values, class_map.labels.values
    area = measure_ice(
        class_map, None, date="2020-01-01", granules=[""], concentration=concentration(class_map)
    )[0]
    sea = truth != LAND
    true = float(np.nanmean(one.concentration.values[sea]))  # pixels of one bay are all but alike
    facts = dict.fromkeys(("off", "held", "width"), np.nan)
    if area.interval_km2 is not None and (truth[sea] == CLOUD).mean() < HARDLY:
        low, high = (end / area.sea_km2 for end in area.interval_km2)
        off = area.expected_km2 / area.sea_km2 - true
        facts = {"off": off, "held": low <= true <= high, "width": high - low}
    return count_ice(truth, said), facts | {
        "water": (truth == WATER).sum(), "found": ((truth == WATER) & (said == WATER)).sum(),
        "said": (sea & (said == WATER)).sum(), "cloud": (truth == CLOUD).sum(),
        "cloud_as_water": ((truth == CLOUD) & (said == WATER)).sum(),
    }  # fmt: skip


def row(counts, facts):
    """Return the figures of a row, as text."""
    scores = ice_scores(counts)
    low, high = scores["intervals"]["iou"] or (np.nan, np.nan)
    sums = {name: np.nansum([one[name] for one in facts]) for name in facts[0]}
    off, held, width = np.array([[one[n] for n in ("off", "held", "width")] for one in facts]).T
    return (
        f"{scores['iou']:.3f} [{low:.3f}, {high:.3f}]  {scores['cloud_as_ice']:6.1%} "
        f"{sums['cloud_as_water'] / sums['cloud']:6.1%} {scores['ice_as_cloud']:6.1%}   "
        f"{sums['found'] / sums['water']:.3f} {sums['found'] / sums['said']:.3f}   "
        f"{np.nanmean(off**2) ** 0.5:6.1%} {np.nanmean(off):+6.1%} {np.nanmean(held):5.0%} of "
        f"{np.isfinite(off).sum()} {np.nanmean(width):5.0%}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="100-119,700-759")
    parser.add_argument("--methods", default=METHODS)
    parser.add_argument("--chosen", action="store_true", help="of the two rules that of obriy ice")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    seeds = [seed for part in asked.seeds.split(",") for seed in span(part)]
    methods = {}
    for name in asked.methods.split(","):
        methods |= kinds(name, asked.chosen)
    found = {name: [] for name in methods}
    for one in scenes(seeds):
        for name, class_map in zip(methods, mapped(one.scene, methods.values()), strict=True):
            found[name].append(looked_at(one, class_map))
    print(f"{len(seeds)} scenes, seeds {asked.seeds}")
    print(HEAD)
    for name, own in found.items():
        print(f"{name:18s} {row(*map(list, zip(*own, strict=True)))}", flush=True)


if __name__ == "__main__":
    main()
