"""How the cost of a run grows: with pixels, bands, clusters, districts, dates, and cores.

Processor seconds (user and system) of whole processes, wall and peak memory, one run of each.
Pixels, bands and clusters are those of `obriy landcover`, districts, dates and cores those of
`obriy water`. Nothing is asserted.

    python benchmarks/scaling.py [--curves pixels,bands,clusters,districts,dates,cores]
    python benchmarks/scaling.py --table docs/scaling.csv --plot docs/images/scaling.png
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from full_tile import BANDS, make_tile
from ratios import write_table
from series import make_districts, make_series, measure

WATER = ("water", "--method", "mndwi:otsu")
COVER = ("landcover", "--outputs", "landcover")
TWELVE = (*COVER, "--clusters", "12")
SIDE = 2048
"""Pixels on a side of the image, where they are not what grows."""
Run = tuple[int, Path, tuple[str, ...]]


def pixels(folder: Path) -> Iterator[Run]:
    """Land cover of larger and larger images: millions of pixels, a corner without data."""
    for side in (1536, 2048, 4096):
        yield round(side * side / 1e6), _tile(folder / f"{side}", side), TWELVE


def bands(folder: Path) -> Iterator[Run]:
    """Land cover of more and more bands."""
    for count in (2, 4, 6):
        tile = _tile(folder / f"{count}", SIDE)
        for name in list(BANDS)[count:]:
            next(tile.glob(f"*_{name}_*")).unlink()
        yield count, tile, TWELVE


def clusters(folder: Path) -> Iterator[Run]:
    """Land cover of more and more clusters."""
    tile = _tile(folder / "tile", SIDE)
    for count in (6, 12, 24, 48):
        yield count, tile, (*COVER, "--clusters", str(count))


def districts(folder: Path) -> Iterator[Run]:
    """Water of more and more districts of one image."""
    make_series(folder / "image", 1, SIDE)
    image = next((folder / "image").glob("*.tif"))
    for count in (100, 1000, 10_000):
        places = folder / f"{count}.gpkg"
        make_districts(places, count, SIDE)
        yield count, image, (*WATER, "--outputs", "mask", "--aoi", str(places))


def dates(folder: Path) -> Iterator[Run]:
    """Water of more and more small dates."""
    for count in (10, 40, 160):
        make_series(folder / f"{count}", count, 24)
        yield count, folder / f"{count}", (*WATER, "--outputs", "mask")


def cores(folder: Path) -> Iterator[Run]:
    """Water by more and more threads."""
    tile = _tile(folder / "tile", 2 * SIDE)
    for count in (1, 2, 4):
        yield count, tile, (*WATER, "--outputs", "mask", "--workers", str(count))


CURVES: dict[str, Callable[[Path], Iterator[Run]]] = {
    "pixels": pixels, "bands": bands, "clusters": clusters, "districts": districts,
    "dates": dates, "cores": cores,
}  # fmt: skip
TITLES = {"pixels": "million pixels", "bands": "bands", "clusters": "clusters",
          "districts": "districts", "dates": "dates of 24 x 24", "cores": "threads"}  # fmt: skip


def _tile(folder: Path, side: int) -> Path:
    folder.mkdir(parents=True)
    make_tile(folder, side)
    return folder


def rows(names: list[str]) -> Iterator[dict[str, object]]:
    """Measure curves; yield a row for each run."""
    for name in names:
        with tempfile.TemporaryDirectory() as place:
            for number, (count, source, words) in enumerate(CURVES[name](Path(place))):
                out = Path(place, f"run{number}")
                job, *options = words
                cpu, wall, peak = measure(
                    [sys.executable, "-m", "obriy", job, str(source), *options, "--sensor",
                     "sentinel2_l2a", "--clouds", "none", "--out", str(out), "-q"]
                )  # fmt: skip
                row = {"curve": name, "count": count, "cpu_s": round(cpu, 2),
                       "wall_s": round(wall, 1), "peak_mb": round(peak)}  # fmt: skip
                print("{curve:10s} {count:6d} {cpu_s:8.2f} s of processor time {wall_s:7.1f} s "
                      "{peak_mb:6d} MB".format(**row), flush=True)  # fmt: skip
                yield row


def plot(made: list[dict[str, object]], file: Path) -> None:
    """Draw a curve for each of what grows: processor seconds, from nothing up."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(str(row["curve"]) for row in made))
    across = min(3, len(names))
    figure = Figure(figsize=(3.2 * across, 2.6 * -(-len(names) // across)), layout="constrained")
    for place, name in enumerate(names, 1):
        axes = figure.add_subplot(-(-len(names) // across), across, place)
        mine = [row for row in made if row["curve"] == name]
        axes.plot([float(str(row["count"])) for row in mine],
                  [float(str(row["cpu_s"])) for row in mine], "o-", color="#1f5fa8")  # fmt: skip
        axes.margins(0.1)
        axes.set_ylim(0, 1.1 * max(float(str(row["cpu_s"])) for row in mine))
        axes.set_xlim(left=0)
        axes.set_xlabel(TITLES[name])
        axes.set_ylabel("processor s")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", default=",".join(CURVES))
    parser.add_argument("--table", type=Path)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    made = list(rows(args.curves.split(",")))
    if args.table:
        write_table(made, args.table)
    if args.plot:
        plot(made, args.plot)


if __name__ == "__main__":
    main()
