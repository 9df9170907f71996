"""Labelled scenes of simulated winters, to train networks for ice on.

Every winter has bays of its own, so that winters apart are places apart, too. Each bay is seen
twice: on a day of its winter, and on another one, or (two times in five) on a day without ice.
Seeds are below 1000: what methods learn from; figures are reported on seeds from 1000 on.

    python benchmarks/ice_winters.py FOLDER
    obriy train ice FOLDER --method m211 --epochs 16 --batch 4 --rate 0.002
"""

import argparse
import datetime as dt
from pathlib import Path

import numpy as np

from obriy.model.layers import LAYERS
from obriy.outputs.cog import write_layer
from obriy.simulate.files.scene import write_scene
from obriy.simulate.ice.scene import simulate_ice

FIRST_SEED = 400
WINTERS, BAYS = 7, 60
FIRST_YEAR = 2004
HOURS = {"terra": "02:10", "aqua": "04:05"}
WINTER, SUMMER = (dt.date(2004, 11, 20), 150), (dt.date(2004, 7, 1), 130)
"""First day and length: 20 November to 18 April, and 1 July to 7 November."""
ICE_FREE = 0.4


def day(winter, season, random):
    """Return a day of a winter's season, drawn at random."""
    first, length = season
    start = first.replace(year=FIRST_YEAR + winter)
    return start + dt.timedelta(days=int(random.integers(length)))


def moments(bays):
    """Yield the seed, day and satellite of each scene."""
    for number in range(WINTERS * bays):
        seed = FIRST_SEED + number
        random = np.random.default_rng(seed)
        first = day(number // bays, WINTER, random)
        season = SUMMER if random.random() < ICE_FREE else WINTER
        for satellite, date in (("terra", first), ("aqua", day(number // bays, season, random))):
            yield seed, date, satellite


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bays", type=int, default=BAYS, help="of each winter (85 at most)")
    options = parser.parse_args()
    folder = options.folder
    for seed, date, satellite in moments(options.bays):
        hour = HOURS[satellite]
        name = f"{date}T{hour.replace(':', '')}_{satellite}_{seed}"
        labels = folder / "labels" / f"{name}.tif"
        if labels.exists():
            continue
        made = simulate_ice(seed, f"{date}T{hour}", satellite=satellite)
        tags = {"date": f"{date}T{hour}", "OBRIY_SIMULATED": f"ice, seed {seed}"}
        write_scene(made.scene, folder / f"{name}.tif", tags=tags)
        write_layer(made.truth, labels, LAYERS["map"], tags=tags)


if __name__ == "__main__":
    main()
