"""How far areas are off, and whether their 90 % intervals hold: on simulated places.

    python benchmarks/area_error.py collect OUT.csv --setting hard_cloudy --places 60 [--first 1000]
    python benchmarks/area_error.py collect OUT.csv --textures ...    # the second generator
    python benchmarks/area_error.py report OUT.csv [OUT2.csv ...]
    python benchmarks/area_error.py quick      # six places of each setting, to see that it works

Each place is cut into four districts; each is measured on every date, and over its period.
Coefficients of tables/uncertainty.toml were found on places with seeds below 4000; figures that
are reported come from seeds of 5000 and above.
"""

import argparse
import csv
import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np
import shapely

from obriy.measures.areas import add_up, measure_areas
from obriy.measures.filling import learn_filling
from obriy.model.areas import AreaSeries, District
from obriy.model.grid import geobox_of
from obriy.workflows.water.mapping import map_water
from obriy.workflows.water.measuring import _occurrence, clear, dated, with_periods

DATES = ("2024-04-08", "2024-06-07", "2024-08-11", "2024-10-05")
LEAST_WATER_PX = 500


def quarters(geobox):
    """Return four districts that touch nothing of the image's edge."""
    rows, columns = geobox.shape
    a = geobox.affine
    linear, shift = np.array([[a.a, a.d], [a.b, a.e]]), (a.c, a.f)
    found = []
    for top, left in ((0, 0), (0, 1), (1, 0), (1, 1)):
        half = (rows // 2, columns // 2)
        box = shapely.box(
            4 + left * (half[1] - 4), 4 + top * (half[0] - 4),
            half[1] + left * (half[1] - 4), half[0] + top * (half[0] - 4),
        )  # fmt: skip
        outline = shapely.transform(box, lambda xy: xy @ linear + shift)
        found.append(District(f"{top}{left}", outline, str(geobox.crs)))
    return found


def truths(dates, geobox, district, season):
    """Return the true area of a district on each date, km²."""
    if season is not None:
        return [season.true_area_km2(d.date, district.geometry) for d in dates]
    from obriy.coverage import pixel_coverage
    from obriy.vectors import place

    share = pixel_coverage(
        place(district.geometry, district.crs, geobox),
        slice(0, geobox.shape.y), slice(0, geobox.shape.x),
    )  # fmt: skip
    cell = abs(geobox.affine.a * geobox.affine.e) / 1e6
    return [float((share * d.truth_fraction.values).sum() * cell) for d in dates]


def features(tally, code):
    blocks = {f"b_{k}": v for k, v in dataclasses.asdict(tally.blocks).items()}
    return {
        "seen": float(tally.by_code[1:255].sum()), "water": tally.fraction,
        "mask": float(tally.by_code[code]), "doubtful": tally.doubtful, "shore": tally.shore,
        "filled": tally.filled, "fillable": tally.fillable,
        "moved": float(np.hypot(*tally.moved)), **blocks,
    }  # fmt: skip


def one_place(season_of, seed, method, dates):
    """Yield a row per district and date, and one per district and period."""
    season, made = season_of(seed, dates)
    geobox = geobox_of(made[0].scene)
    maps = dated([map_water(d.scene, method) for d in made])
    areas_of = quarters(geobox)
    others = _occurrence(maps) if len(maps) > 1 else None
    cell = abs(geobox.affine.a * geobox.affine.e) / 1e6
    true = {d.name: truths(made, geobox, d, season) for d in areas_of}
    measured = []
    for number, water in enumerate(maps):
        filling = None if others is None else learn_filling(water, *others, maps=maps)
        tallies = add_up(water, "water", areas_of, others=filling)
        found = measure_areas(water, "water", areas_of, others=filling).areas
        measured += found
        for district, tally, area in zip(areas_of, tallies, found, strict=True):
            truth = true[district.name][number]
            if truth < LEAST_WATER_PX * cell or area.interval_km2 is None:
                continue
            yield row(seed, district, made[number].date, truth, area) | features(tally, 2) | {
                "mask_km2": area.mask_km2, "district_km2": area.district_km2,
            }  # fmt: skip
    if len(maps) > 1:
        for period in with_periods(AreaSeries("water", areas=tuple(measured)), clear).periods:
            known = dict(zip([d.date for d in made], true[period.district], strict=True))
            truth = sum(w * known[d] for d, w in period.weights.items())
            if truth >= LEAST_WATER_PX * cell and period.interval_km2:
                yield row(seed, period, "period", truth, period)


def row(seed, district, date, truth, area):
    low, high = area.interval_km2
    name = getattr(district, "name", None) or district.district
    return {
        "seed": seed, "district": name, "date": date, "truth": truth,
        "area": area.area_km2, "filled_km2": area.filled_km2, "expected": area.expected_km2,
        "low": low, "high": high, "unseen": area.unseen_share,
        **{f"sd_{k}": v for k, v in area.uncertainty.items()},
    }  # fmt: skip


def simulator(setting, size, resolution, sensor):
    from obriy.simulate.season import make_season

    def season_of(seed, dates):
        season = make_season(
            (size, size), seed, setting=setting, resolution=resolution, sensor=sensor
        )
        return season, [season.on(date) for date in dates]

    return season_of


def textures(size):
    sys.path.insert(0, str(Path(__file__).parent / "simulator"))
    import real_textures

    return lambda seed, dates: (None, list(real_textures.season(seed, dates=dates)))


def collect(args):
    make = (
        textures(args.size) if args.textures
        else simulator(args.setting, args.size, args.resolution, args.sensor)
    )  # fmt: skip
    path = Path(args.out)
    fields = None
    with path.open("w", newline="") as file:
        writer = None
        for seed in range(args.first, args.first + args.places):
            dates = DATES[: args.dates] if args.dates < len(DATES) else DATES
            for found in one_place(make, seed, args.method, dates):
                if writer is None:
                    fields = [*found]
                    writer = csv.DictWriter(file, fields, restval="", extrasaction="ignore")
                    writer.writeheader()
                writer.writerow(found)
            file.flush()


def report(args):
    import pandas as pd

    for name in args.files:
        table = pd.read_csv(name)
        for kind, part in (
            ("date", table[table.date != "period"]),
            ("period", table[table.date == "period"]),
        ):
            if len(part):
                show(f"{Path(name).stem} {kind}", part)


def show(name, t):
    error = (t.expected - t.truth).abs() / t.truth
    seen = (t.area - t.truth).abs() / t.truth
    bias = ((t.expected - t.truth) / t.truth).median()
    inside = ((t.low <= t.truth) & (t.truth <= t.high)).mean()
    width = ((t.high - t.low) / t.truth).median()
    mask = ""
    if "mask_km2" in t and t.mask_km2.notna().all():
        whole = (t.mask_km2 - t.truth).abs() / t.truth
        mask = f" mask {whole.median():6.2%} {whole.quantile(0.95):7.2%}"
    print(
        f"{name:30s} n {len(t):5d} |err| median {error.median():6.2%} p95 "
        f"{error.quantile(0.95):7.2%}"
        f" bias {bias:+6.2%} seen-only {seen.median():6.2%}{mask}"
        f" covered {inside:6.1%} width {width:6.2%}"
    )


def quick(args):
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for setting in ("easy_clear", "hard_clear", "easy_cloudy", "hard_cloudy"):
            out = Path(folder) / f"{setting}.csv"
            words = ["collect", str(out), "--setting", setting, "--places", "6", "--first", "9000"]
            main([*words, "--dates", "4" if "cloudy" in setting else "1"])
            files.append(str(out))
        main(["report", *files])


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    c = commands.add_parser("collect")
    c.add_argument("out")
    c.add_argument("--setting", default="hard_clear")
    c.add_argument("--places", type=int, default=20)
    c.add_argument("--first", type=int, default=0)
    c.add_argument("--dates", type=int, default=1)
    c.add_argument("--size", type=int, default=256)
    c.add_argument("--resolution", type=float, default=None)
    c.add_argument("--sensor", default="sentinel2_l2a")
    c.add_argument("--method", default="auto")
    c.add_argument("--textures", action="store_true")
    c.set_defaults(run=collect)
    r = commands.add_parser("report")
    r.add_argument("files", nargs="+")
    r.set_defaults(run=report)
    q = commands.add_parser("quick")
    q.set_defaults(run=quick)
    args = parser.parse_args(words)
    args.run(args)


if __name__ == "__main__":
    main()
