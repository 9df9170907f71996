"""Methods for ice on simulated scenes: IoU of ice with intervals, cloud taken for ice, seconds.

One scene of each seed, on a date of the winter that the seed chooses. Methods are tuned on seeds
below 1000, and reported on seeds from 1000 on. Classifiers are fitted to the training seeds.

    python benchmarks/ice_methods.py --seeds 1000-1030 [--train 100-119] [--methods auto,ndsi]
    python benchmarks/ice_methods.py --methods auto,m201,segformer=FILE [--without swir12,swir16]
    python benchmarks/ice_methods.py --methods ndsi,ndsi+auto

Scores are pooled over the pixels of sea of all scenes; intervals are a bootstrap over scenes. The
last columns are the mean error of the concentration, where a method gives one, and how many scenes
without ice got more than 0.5 % of ice.
"""

import argparse
import time
import warnings

import numpy as np

from obriy.methods.ice.classifier import ClassifierIce
from obriy.methods.ice.learned import Classifier, feature_names, features_of
from obriy.methods.ice.spec import ice_methods, with_clouds
from obriy.model.card import Card
from obriy.model.ice import BANDS, CLOUD, ICE, LAND, WATER
from obriy.model.legend import load_legend
from obriy.simulate.ice.scene import simulate_ice
from obriy.validation.ice_scores import count_ice, ice_scores, paired_test
from obriy.workflows.ice.mapping import ice_method

CLASSIFIERS = {m.name: m.model for m in ice_methods() if isinstance(m.model, Classifier)}
DATES = (
    "11-20", "12-05", "12-20", "01-05", "01-18", "01-28", "02-08", "02-18", "02-27", "03-08",
    "03-18", "03-28", "04-06", "04-20",
)  # fmt: skip
HOURS = {"terra": "02:10", "aqua": "04:05"}
PIXELS = 2000
"""Of each class and scene that classifiers learn from."""
FALSE_ICE = 0.005


def scenes(seeds):
    """Yield a simulated scene of each seed, the same whenever it is asked for."""
    for seed in seeds:
        random = np.random.default_rng(seed)
        satellite = ("terra", "aqua")[seed % 2]
        date = DATES[random.integers(len(DATES))]
        year = 2005 + int(random.integers(18)) + (date < "06")
        yield simulate_ice(seed, f"{year}-{date}T{HOURS[satellite]}", satellite=satellite)


def span(text):
    """Return the numbers of ``A-B``, both ends included."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def lesson(seeds):
    """Return features and classes of pixels of the training seeds."""
    random, features, classes = np.random.default_rng(0), [], []
    for one in scenes(seeds):
        stack = features_of({name: one.scene[name].values for name in BANDS})
        for code in (WATER, ICE, CLOUD):
            rows, columns = random.permutation(np.argwhere(one.truth.values == code))[:PIXELS].T
            features.append(stack[:, rows, columns].T)
            classes.append(np.full(len(rows), code))
    return np.concatenate(features), np.concatenate(classes)


def method_of(name, taught):
    """Return a method by its name; NAME+auto is one with the clouds of `auto` beside."""
    if name.endswith("+auto"):
        return with_clouds(method_of(name.removesuffix("+auto"), taught), set(BANDS))
    if name not in CLASSIFIERS:
        name, _, file = name.partition("=")
        return ice_method(name, file or None, 0, "cpu")
    card = Card(name, BANDS, load_legend("ice"), (), feature_names(BANDS))
    return ClassifierIce(CLASSIFIERS[name].fit(*taught, card), name)


def judge(method, cases, without=()):
    """Return the counts of each scene, and further figures; some bands may be left out."""
    counts, errors, false_ice, seconds = [], [], 0, 0.0
    for one in cases:
        start = time.perf_counter()
        labels, fraction = mapped(method, one.scene.drop_vars(without))
        seconds += time.perf_counter() - start
        truth = one.truth.values
        counts.append(count_ice(truth, labels))
        sea = truth != LAND
        if not (truth == ICE).any():
            false_ice += (labels[sea] == ICE).mean() > FALSE_ICE
        clear = ((truth == WATER) | (truth == ICE)) & (labels != CLOUD) & (fraction <= 200)
        if method.gives_fraction and clear.any():
            errors.append((fraction[clear] / 200 - one.concentration.values[clear]).mean())
    return counts, errors, false_ice, seconds / len(counts)


def mapped(method, scene):
    """Run a method over a scene as one block, land hidden as the engine does."""
    from obriy.blocks.base import Block

    flags = scene["flags"].values
    bands = {name: scene[name].values for name in method.bands(set(BANDS) & set(scene))}
    core = tuple(slice(0, n) for n in flags.shape)
    block = Block(bands, flags, 0, 0, core)
    said = method.decide(method.collect(block)).apply(block)
    none = np.full(flags.shape, 255, np.uint8)
    return said.labels, none if said.fraction is None else said.fraction


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=span, default=span("100-119"))
    parser.add_argument("--train", type=span, default=span("200-229"))
    parser.add_argument("--methods", default="")
    parser.add_argument("--without", default="", help="bands left out")
    asked = parser.parse_args()
    plain = [m.name for m in ice_methods() if m.model is None]
    names = asked.methods.split(",") if asked.methods else [*plain, *CLASSIFIERS, "green:0.2"]
    warnings.simplefilter("ignore")
    cases = list(scenes(asked.seeds))
    taught = lesson(asked.train) if set(names) & set(CLASSIFIERS) else None
    print(f"{len(cases)} scenes, seeds {asked.seeds[0]} to {asked.seeds[-1]}")
    print("method      IoU [90 %]            precision recall cloud as ice  s/scene  bias  false")
    counts = {}
    for name in names:
        counts[name], errors, false_ice, seconds = judge(
            method_of(name, taught), cases, [band for band in asked.without.split(",") if band]
        )
        found = ice_scores(counts[name])
        low, high = found["intervals"]["iou"] or (np.nan, np.nan)
        bias = f"{np.mean(errors):+.3f}" if errors else "     -"
        scores = f"{found['precision']:.3f}     {found['recall']:.3f}  {found['cloud_as_ice']:.4f}"
        print(
            f"{name.partition('=')[0]:11s} {found['iou']:.3f} [{low:.3f}, {high:.3f}]   {scores}"
            f"       {seconds:5.2f}  {bias}  {false_ice}",
            flush=True,
        )
    if "auto" in counts:
        for name in names:
            if name != "auto":
                print(f"auto - {name}:", paired_test(counts["auto"], counts[name]), flush=True)


if __name__ == "__main__":
    main()
