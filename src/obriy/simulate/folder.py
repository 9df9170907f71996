"""Simulate a season into a folder: images that open like any others, and the truth beside them."""

import datetime as dt
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import geopandas
import shapely
from odc.geo.geobox import GeoBox

from obriy.errors import UsageError
from obriy.model.provenance import SIMULATED_TAG
from obriy.outputs.files import write_text
from obriy.outputs.geopackage import VectorLayer, write_layers
from obriy.outputs.styles import Look
from obriy.render.palette import OUTLINE
from obriy.simulate.files.scene import write_fraction, write_scene, write_truth
from obriy.simulate.season import Season, SimulatedDate, make_season

IMAGE = "image"
"""Name of the whole image in the table of the truth."""
README = """Simulated images of a made-up place
===================================

Everything here is made by `obriy simulate` (setting {setting}, seed {seed}, sensor {sensor}).
The images look like those of the sensor; no such place exists.

YYYY-MM-DD.tif        surface reflectance = number x 0.0001 - 0.1, 0 is no data; the last band
                      ({quality}) is the quality band, which misses some clouds and shadows
truth/YYYY-MM-DD.tif  true share of water in each pixel, 0 to 1, also under clouds and ice
truth.csv             true area of water by date and district, counted on cells of 1 m
districts.gpkg        the districts, side by side; their edges cut water

Try:

    obriy water . --aoi districts.gpkg --fill --out ../water

and compare the areas by date (series.csv, km2) with truth.csv.
"""


def simulate_to_folder(
    out: Path,
    *,
    dates: Sequence[str],
    size: tuple[int, int] = (512, 512),
    seed: int = 7,
    setting: str = "hard_cloudy",
    sensor: str = "sentinel2_l2a",
    resolution: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Path]:
    """Write the images of a season with their truth.

    Args:
        out: A new or empty folder.
        dates: ISO 8601.
        size: Rows and columns.
        seed: The seed of everything.
        setting: As for `obriy.simulate.season.make_season`.
        sensor: See there.
        resolution: See there.
        progress: Is told how many dates of how many are done.

    Returns:
        Paths by what they are: ``truth``, ``districts``, ``readme``, and each date.

    Raises:
        UsageError: a folder that holds files, no dates, or what `make_season` refuses.
        OutputError: where a file could not be written.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UsageError(f"{out} is not an empty folder.", "Name a new one.")
    days = sorted({_iso(d) for d in dates})
    if not days:
        raise UsageError("No date was given.", "Give --dates 6, or --dates 2023-05-01,2023-06-01.")
    season = make_season(size, seed, setting=setting, sensor=sensor, resolution=resolution)
    districts = districts_of(season.geobox)
    paths: dict[str, Path] = {}
    rows = []
    for k, day in enumerate(days):
        made = season.on(day)
        tags = {"date": day, SIMULATED_TAG: f"{setting}, seed {seed}"}
        paths[day] = write_scene(
            made.scene, out / f"{day}.tif", quality=season.sensor.quality, tags=tags
        )
        write_fraction(made.truth_fraction, out / "truth" / f"{day}.tif", tags=tags)
        rows += _rows(season, made, districts)
        if progress:
            progress(k + 1, len(days))
    paths["truth"] = write_truth(rows, out / "truth.csv")
    paths["districts"] = _write_districts(out / "districts.gpkg", districts, season.geobox)
    text = README.format(
        setting=setting, seed=seed, sensor=season.sensor.id, quality=season.sensor.quality
    )
    paths["readme"] = write_text(out / "README.txt", text)
    return paths


def dates_between(count: int, start: str, end: str) -> list[str]:
    """Return dates at equal distances, the first and the last included.

    Args:
        count: How many, 1 or more.
        start: First date, ISO 8601.
        end: Last date.

    Raises:
        UsageError: fewer than one date, or more than there are days.
    """
    first, last = dt.date.fromisoformat(_iso(start)), dt.date.fromisoformat(_iso(end))
    days = (last - first).days
    if count < 1 or count > days + 1:
        raise UsageError(
            f"There are not {count} dates from {first} to {last}.",
            "Give 1 or more with --dates, and an --end that lies after the --start.",
        )
    step = days / max(count - 1, 1)
    return [(first + dt.timedelta(days=round(k * step))).isoformat() for k in range(count)]


def parse_size(text: str) -> tuple[int, int]:
    """Return rows and columns of ``"512"`` or ``"300x400"``.

    Raises:
        UsageError: anything else.
    """
    try:
        numbers = [int(part) for part in text.lower().split("x")]
        rows, columns = numbers * 2 if len(numbers) == 1 else numbers
    except ValueError as error:
        raise UsageError(f"'{text}' is no size.", "Write e.g. 512, or 300x400.") from error
    return rows, columns


def districts_of(geobox: GeoBox) -> dict[str, shapely.Polygon]:
    """Return polygons in the CRS of the grid: ``centre``, an octagon, and ``east``, beside it."""
    left, bottom, right, top = geobox.extent.boundingbox.bbox
    width, height = right - left, top - bottom
    middle = shapely.Point(left + 0.52 * width, bottom + 0.53 * height)
    radius = 0.36 * min(width, height)
    corners = [math.radians(45 * k + 11) for k in range(8)]
    centre = shapely.Polygon(
        [(middle.x + radius * math.cos(a), middle.y + radius * math.sin(a)) for a in corners]
    )
    east = shapely.Polygon(
        [
            (left + 0.55 * width, bottom),
            (right, bottom),
            (right, top),
            (left + 0.68 * width, top),
        ]
    )
    return {"centre": centre, "east": east.difference(centre)}


def _iso(text: str) -> str:
    try:
        return dt.date.fromisoformat(text.strip()).isoformat()
    except ValueError as error:
        raise UsageError(
            f"'{text}' is no date.", "Write year-month-day, e.g. 2023-06-15."
        ) from error


def _rows(
    season: Season, made: SimulatedDate, districts: dict[str, shapely.Polygon]
) -> list[list[object]]:
    areas = {IMAGE: made.true_km2} | {
        name: season.true_area_km2(made.date, polygon) for name, polygon in districts.items()
    }
    shared = [round(made.level_m, 3), round(made.cloud_share, 4)]
    return [[made.date, name, round(km2, 6), *shared] for name, km2 in areas.items()]


def _write_districts(path: Path, districts: dict[str, shapely.Polygon], geobox: GeoBox) -> Path:
    frame = geopandas.GeoDataFrame(
        {"name": list(districts)}, geometry=list(districts.values()), crs=str(geobox.crs)
    )
    look = Look("outline", [(None, "districts", OUTLINE)])
    return write_layers([VectorLayer("districts", frame, look)], path)
