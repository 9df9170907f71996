"""`obriy simulate --setting ice`: scenes or granules of a made-up bay, with their truth."""

import csv
import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox
from scipy import ndimage

from obriy.errors import UsageError
from obriy.measures.ice import EXTENT_SHARE
from obriy.measures.pixel_area import pixel_area
from obriy.model.grid import geobox_of
from obriy.model.ice import CLOUD, LAND
from obriy.model.layers import LAYERS, classes
from obriy.model.legend import Legend, load_legend
from obriy.model.provenance import SIMULATED_TAG
from obriy.outputs.cog import write_layer
from obriy.outputs.files import write_text
from obriy.simulate.fields import stream
from obriy.simulate.files.granule import (
    Product,
    granule_name,
    write_cloud_mask,
    write_geolocation,
    write_granule,
)
from obriy.simulate.files.scene import write_scene, write_truth
from obriy.simulate.ice.frame import area_grid
from obriy.simulate.ice.geometry import moment
from obriy.simulate.ice.scene import SimulatedIce, simulate_ice
from obriy.simulate.ice.surface import light_at
from obriy.simulate.orbit import Pass, Satellite

COLUMNS: Final = (
    "image", "date", "satellite", "sea_km2", "ice_km2", "extent_km2", "cloud_share",
)  # fmt: skip
SCANS: Final = 30
"""Scans of a simulated granule: 300 km along the track hold the bay; NASA's have 203."""
FARTHEST_KM: Final = 850.0
"""Of the bay from the track."""
_HOURS: Final[dict[Satellite, int]] = {"terra": 125, "aqua": 245}
"""Usual time of the pass over Peter the Great Bay, minutes of the day, UTC."""
_SATELLITES: Final[dict[str, Satellite]] = {"terra": "terra", "aqua": "aqua"}
_NOON: Final = dt.time(3, 5)
"""UTC; an earlier time is a pass of Terra, a later one of Aqua."""
_CLEAR, _CLOUDY, _UNSURE = 3, 0, 1
_LAND_CODE, _SHALLOW, _OCEAN = 1, 0, 6
README: Final = """Simulated {what} of sea ice in a made-up bay
=============================================

Everything here is made by `obriy simulate --setting ice` (seed {seed}). No such bay exists; its
grid is that of Peter the Great Bay.

{files}
labels/NAME.tif       what is there: 1 water, 2 ice (half of the pixel or more), 3 cloud through
                      which little is seen (opacity of 0.3 or more), 4 land
land.tif              1 land, 0 sea
truth.csv             true areas by date, also under cloud: sea, ice (by concentration), extent
                      (sea of which {extent:.0%} or more is ice), km2; share of the sea under cloud

The same command goes on where it stopped.

Try:

    {command}

and compare with truth.csv.
"""
_OF_SCENES: Final = """\
YYYY-MM-DDTHHMM_SATELLITE.tif   reflectance at the top of the atmosphere over the cosine of the
                      sun's zenith angle = number x 0.0001 - 0.1; 0 is no data"""
_OF_GRANULES: Final = """\
MOD02HKM, MYD02HKM    granules of 30 scans (NASA's have 203) in HDF4; band 6 of Aqua has dead lines
MOD03, MYD03          geolocation and angles;    MOD35_L2, MYD35_L2    a cloud mask that errs"""


@dataclasses.dataclass(frozen=True)
class _Job:
    """One moment to make.

    Attributes:
        time: ISO 8601 to the minute, UTC.
        satellite: Which passes.
        name: Stem of its files.
    """

    time: str
    satellite: Satellite
    name: str


def simulate_ice_folder(
    out: Path,
    *,
    dates: Sequence[str],
    seed: int = 7,
    granules: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Path]:
    """Write scenes of one bay with labels and truth: to learn from, to map, and to judge by.

    Called again, it goes on where it stopped, and adds dates that are not there yet.

    Args:
        out: A new or empty folder, or one that this made with the same seed and kind.
        dates: ISO 8601 days, in turn seen by Terra and Aqua, or times in UTC (before 03:05 Terra,
            from then on Aqua).
        seed: The bay and its winters.
        granules: Write MOD02HKM, MOD03 and MOD35 files in place of scenes on the grid.
        progress: Is told how many dates of how many are done.

    Returns:
        Paths by what they are: ``truth``, ``land``, ``readme``, and each scene or granule by name.

    Raises:
        UsageError: a folder that holds other files, no dates, or a time at which it is night.
        OutputError: where a file could not be written.
    """
    rows = _rows_so_far(out / "truth.csv")
    jobs = _jobs(dates, seed, granules, rows)
    readme = _readme(seed, granules)
    _require_ours(out, readme)
    paths = {"readme": write_text(out / "README.txt", readme), "truth": out / "truth.csv"}
    paths["land"] = out / "land.tif"
    known = {row[0] for row in rows}
    for k, job in enumerate(jobs):
        paths[job.name] = out / f"{job.name}.{'hdf' if granules else 'tif'}"
        if job.name not in known:
            made = simulate_ice(seed, job.time, satellite=job.satellite)
            _write(made, job, out, seed, granules)
            rows = sorted([*rows, _row(made, job)], key=lambda row: row[1])
            write_truth(rows, paths["truth"], COLUMNS)
        if progress:
            progress(k + 1, len(jobs))
    return paths


def _jobs(
    dates: Sequence[str], seed: int, granules: bool, rows: Sequence[Sequence[str]]
) -> list[_Job]:
    """Return the moments in order, each with its satellite and the name of its files.

    A day that is there already keeps its pass, whatever its turn is among more dates.
    """
    if not dates:
        raise UsageError("No date was given.", "Give --dates 6, or --dates 2021-01-10,2021-02-10.")
    there = {row[1][:10]: _Job(row[1], _SATELLITES[row[2]], row[0]) for row in rows}
    jobs = []
    for k, text in enumerate(sorted({d.strip() for d in dates})):
        if text in there:
            jobs.append(there[text])
            continue
        when, satellite = _pass_time(text, k, seed)
        time = when.isoformat(timespec="minutes")
        name = f"{when:%Y-%m-%dT%H%M}_{satellite}"
        if granules:
            name = Path(granule_name("02HKM", time, satellite)).stem
        jobs.append(_Job(time, satellite, name))
    return jobs


def _pass_time(text: str, turn: int, seed: int) -> tuple[dt.datetime, Satellite]:
    """Return the time and the satellite of a day, or of a time that was given."""
    when = moment(text)
    if "T" in text or " " in text:
        return when, "terra" if when.time() < _NOON else "aqua"
    satellite: Satellite = "aqua" if turn % 2 else "terra"
    # Passes come up to some half an hour earlier or later, and granules start every 5 minutes.
    late = 5 * int(stream(seed, "pass", text).integers(-6, 7))
    return when + dt.timedelta(minutes=_HOURS[satellite] + late), satellite


def _require_ours(out: Path, readme: str) -> None:
    """Refuse a folder with anything but a part of this very set."""
    if out.is_dir() and not any(out.iterdir()):
        return
    mine = out / "README.txt"
    if out.exists() and not (mine.is_file() and mine.read_text("utf-8") == readme):
        raise UsageError(
            f"{out} holds something else than simulated ice of this seed.", "Name a new folder."
        )


def _rows_so_far(path: Path) -> list[list[str]]:
    """Return the rows of the truth that are there: what they name is whole."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def _readme(seed: int, granules: bool) -> str:
    command = "obriy ice . --aoi peter-the-great-bay --out ../ice"
    if not granules:
        command += " --land land.tif"
    return README.format(
        what="granules" if granules else "scenes",
        seed=seed,
        files=_OF_GRANULES if granules else _OF_SCENES,
        extent=EXTENT_SHARE,
        command=command,
    )


def _write(made: SimulatedIce, job: _Job, out: Path, seed: int, granules: bool) -> None:
    """Write what belongs to one moment."""
    tags = {"date": job.time, SIMULATED_TAG: f"ice, seed {seed}"}
    if not (out / "land.tif").exists():
        land = (made.truth == LAND).astype("uint8")
        write_layer(land, out / "land.tif", classes(_land_legend()), tags=tags)
    write_layer(made.truth, out / "labels" / f"{job.name}.tif", LAYERS["map"], tags=tags)
    if granules:
        _write_granules(job, out, seed)
    else:
        write_scene(made.scene, out / f"{job.name}.tif", tags=tags)


def _land_legend() -> Legend:
    """Return a legend of land alone, with the code 1."""
    land = load_legend("ice").by_name("land")
    return Legend("land", (dataclasses.replace(land, code=1),))


def _row(made: SimulatedIce, job: _Job) -> list[str]:
    """Return the row of the truth."""
    share = made.concentration.to_numpy().astype("float64")
    area = pixel_area(geobox_of(made.truth)) / 1e6
    sea = np.isfinite(share)
    area, share = area[sea], share[sea]
    cloudy = area[made.truth.to_numpy()[sea] == CLOUD].sum() / area.sum()
    numbers = [area.sum(), (area * share).sum(), area[share >= EXTENT_SHARE].sum()]
    return [
        job.name, job.time, job.satellite, *(f"{n:.3f}" for n in numbers), f"{cloudy:.4f}",
    ]  # fmt: skip


def _write_granules(job: _Job, out: Path, seed: int) -> None:
    """Write the three granules of a pass over the bay."""
    middle = _middle(area_grid())
    rng = stream(seed, "granule", job.time)
    offset = float(rng.uniform(-FARTHEST_KM, FARTHEST_KM))
    over = Pass(job.satellite, job.time, middle, offset_km=offset, scans=SCANS)
    angles = over.angles(500)
    light, codes, _ = light_at(
        seed,
        job.time,
        *over.positions(500),
        satellite=job.satellite,
        view_zenith=angles.view_zenith,
        sun_zenith=angles.sun_zenith,
    )
    lon, lat = over.positions(1000)

    def file(product: Product) -> Path:
        return out / granule_name(product, job.time, job.satellite)

    write_granule(
        file("02HKM"),
        satellite=job.satellite,
        time=job.time,
        reflectance=light,
        sun_zenith=angles.sun_zenith,
        lon=lon,
        lat=lat,
    )
    ground = _land_sea(codes)
    write_geolocation(
        file("03"),
        satellite=job.satellite,
        time=job.time,
        lon=lon,
        lat=lat,
        angles=over.angles(1000),
        land_sea=ground,
    )
    write_cloud_mask(
        file("35_L2"),
        satellite=job.satellite,
        time=job.time,
        lon=lon,
        lat=lat,
        clear=_mask_of_clouds(codes, rng),
        land_sea=ground,
    )


def _middle(grid: GeoBox) -> tuple[float, float]:
    lon, lat = grid.affine @ (grid.shape.x / 2, grid.shape.y / 2)
    return float(lon), float(lat)


def _share(here: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the share of 500 m pixels in each of 1 km."""
    rows, columns = (n // 2 for n in here.shape)
    return np.asarray(here.reshape(rows, 2, columns, 2).mean((1, 3)), "float64")


def _land_sea(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the codes of MOD03: land, shallow sea some 5 km around it, ocean."""
    land = _share(codes == LAND) >= 0.5
    shore = ndimage.binary_dilation(land, iterations=5)
    return np.select([land, shore], [_LAND_CODE, _SHALLOW], _OCEAN).astype("uint8")


def _mask_of_clouds(
    codes: npt.NDArray[np.uint8], rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Return confidences of a clear view that are wrong here and there, as a cloud mask's are."""
    share = _share(codes == CLOUD)
    error = ndimage.gaussian_filter(rng.standard_normal(share.shape), 6)
    level = share + 0.3 * error / error.std()
    clear = np.select([level > 0.55, level > 0.4], [_CLOUDY, _UNSURE], _CLEAR)
    return clear.astype("uint8")
