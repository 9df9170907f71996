"""Dates that contradict the others: clouds that no mask found, and what is no cloud."""

import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from tests.test_damage import damage

from obriy.measures.contradiction import cell_pixels
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.water.job import run_water

SIX = ("blue", "green", "red", "nir", "swir16", "swir22")
TWO = ("green", "nir")
# Typical surface reflectance, in the order of SIX.
WATER = (0.040, 0.055, 0.035, 0.015, 0.008, 0.005)
MUD = (0.090, 0.120, 0.140, 0.170, 0.200, 0.160)
SAND = (0.150, 0.210, 0.260, 0.320, 0.400, 0.350)
FIELDS = (
    (0.040, 0.070, 0.055, 0.350, 0.200, 0.110),
    (0.090, 0.125, 0.165, 0.235, 0.310, 0.260),
    (0.022, 0.040, 0.025, 0.270, 0.120, 0.055),
)
DATES = [f"2024-{month:02}-10" for month in range(1, 13)]
SHAPE = (120, 130)
PIXEL = 20.0
KM2 = PIXEL**2 / 0.9996**2 / 1e6  # on the central meridian of UTM


def disc(radius, row=60, column=60):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.hypot(y - row, x - column) < radius


LAKE = disc(49)
"""Some 3 km²."""


def ground(wet, day, bed=MUD):
    """The place on a day, (y, x, 6): fields that ripen, and where the lake is not, its bed."""
    rng = np.random.default_rng(day)
    kinds = np.random.default_rng(3).integers(3, size=(13, 15))
    fields = np.kron(kinds, np.ones((10, 10), int))[: SHAPE[0], : SHAPE[1]]
    pixels = np.array(FIELDS)[fields] + 0.025 * np.sin(2 * np.pi * day / 12)
    pixels[LAKE] = bed
    pixels[wet] = WATER
    return np.maximum(pixels + rng.normal(0, 0.004, pixels.shape), 0.001)


def veiled(pixels, albedo, where):
    """The same under a grey cloud: a + (1 - a)² R / (1 - a R)."""
    a = np.where(where, albedo, 0.0)[..., None]
    return a + (1 - a) ** 2 * pixels / (1 - a * pixels)


def write(folder, date, pixels, bands):
    folder.mkdir(exist_ok=True)
    with rasterio.open(
        folder / f"S2A_{date.replace('-', '')}.tif", "w", driver="GTiff", width=SHAPE[1],
        height=SHAPE[0], count=len(bands), dtype="uint16", crs="EPSG:32636", nodata=0,
        transform=Affine(PIXEL, 0, 5e5, 0, -PIXEL, 5.2e6), compress="deflate", tiled=True,
        blockxsize=64, blockysize=64,
    ) as file:  # fmt: skip
        for number, name in enumerate(bands, 1):
            file.write((1e4 * pixels[..., SIX.index(name)]).astype("uint16"), number)
            file.set_band_description(number, name)


def series(tmp_path, bands, shown, **values):
    """Run a year of a lake; ``shown`` turns the place of some days into what the image shows."""
    for day, date in enumerate(DATES):
        pixels = shown[date](day) if date in shown else ground(LAKE, day)
        write(tmp_path / "images", date, pixels, bands)
    given = {"source": str(tmp_path / "images"), "out": tmp_path / "run", "outputs": ["mask"]}
    run = run_water(make_config(WaterConfig, given | {"method": "ndwi:0.05"} | values))
    assert run.complete
    result = run.result.to_dict()
    return result, {d["date"]: d for d in result["dates"]}, run.folder


@pytest.mark.parametrize(("bands", "clouds"), [(SIX, "auto"), (SIX, "none"), (TWO, "auto")])
def test_an_overcast_date_is_unseen_and_the_season_right(tmp_path, bands, clouds):
    grey = {"2024-06-10": lambda day: veiled(ground(LAKE, day), 0.45, True)}
    result, dates, _ = series(tmp_path, bands, grey, clouds=clouds)
    overcast = dates["2024-06-10"]
    low, high = result["interval_km2"]
    truth = LAKE.sum() * KM2
    assert low <= truth <= high
    assert result["expected_km2"] == pytest.approx(truth, rel=0.01)
    assert result["area_km2"] == pytest.approx(truth, rel=0.02)
    assert overcast["unseen_share"] > 0.95
    assert (overcast["weight"] or 0.0) < 0.01
    if clouds == "none" or bands == TWO:  # a mask that sees the cloud leaves nothing to doubt
        assert overcast["doubted"]["km2"] == pytest.approx(np.prod(SHAPE) * KM2, rel=0.02)
    assert all(d["doubted"]["pixels"] == 0 for date, d in dates.items() if d is not overcast)
    assert result["unseen"] == ("compared" if bands == TWO and clouds == "auto" else "known")


def test_a_small_cloud_over_the_middle_of_a_lake_is_unseen_and_filled(tmp_path):
    def cloud(day):
        return veiled(ground(LAKE, day), 0.6, disc(18))

    _, dates, folder = series(tmp_path, TWO, {"2024-12-10": cloud}, fill=True)
    last, truth = dates["2024-12-10"], LAKE.sum() * KM2
    assert last["doubted"]["km2"] == pytest.approx(disc(18).sum() * KM2, rel=0.15)
    assert last["filled_km2"] == pytest.approx(truth, rel=0.02)
    assert last["interval_km2"][0] <= truth <= last["interval_km2"][1]
    with rasterio.open(folder / "maps" / "2024-12-10" / "mask_compared.tif") as file:
        compared = file.read(1)
    with rasterio.open(folder / "maps" / "2024-12-10" / "mask.tif") as file:
        alone = file.read(1)
    doubted = (alone == 1) & (compared == 0)
    assert doubted.sum() == last["doubted"]["pixels"]
    assert (alone == compared)[~doubted].all()
    assert not doubted[~LAKE].any()


@pytest.mark.parametrize(("bands", "bed"), [(SIX, MUD), (TWO, SAND)], ids=["mud", "sand"])
def test_a_breach_on_the_last_date_survives(tmp_path, bands, bed):
    breach = {"2024-12-10": lambda day: ground(disc(12), day, bed)}
    _, dates, _ = series(tmp_path, bands, breach, clouds="none")
    last = dates["2024-12-10"]
    assert last["doubted"] == {"pixels": 0, "km2": 0.0}
    assert last["area_km2"] == pytest.approx(disc(12).sum() * KM2, rel=0.02)
    assert last["unseen_share"] == 0


def test_a_drawdown_and_a_flood_survive(tmp_path):
    radii = {date: 49 - 3 * max(0, n - 6) for n, date in enumerate(DATES)}
    change = {d: (lambda day, r=r: ground(disc(r), day)) for d, r in radii.items()}
    change["2024-02-10"] = lambda day: ground(disc(58), day)
    _, dates, _ = series(tmp_path, TWO, change)
    for date, radius in (radii | {"2024-02-10": 58}).items():
        assert dates[date]["doubted"]["pixels"] == 0
        assert dates[date]["area_km2"] == pytest.approx(disc(radius).sum() * KM2, rel=0.02)


def test_a_drawdown_in_the_sun_survives_beside_a_cloud_on_the_same_date(tmp_path):
    half = np.mgrid[: SHAPE[0], : SHAPE[1]][1] < 45

    def both(day):
        return veiled(ground(disc(25), day), 0.45, half)

    _, _, folder = series(tmp_path, TWO, {"2024-12-10": both})
    with rasterio.open(folder / "maps" / "2024-12-10" / "mask_compared.tif") as file:
        labels = file.read(1)
    assert (labels[half & LAKE] == 0).mean() > 0.95
    clear = LAKE & ~disc(25) & (np.mgrid[: SHAPE[0], : SHAPE[1]][1] > 75)
    assert (labels[clear] == 1).mean() > 0.95


def test_the_report_says_it_in_both_languages_and_a_second_run_is_the_same(tmp_path):
    grey = {"2024-06-10": lambda day: veiled(ground(LAKE, day), 0.45, True)}
    result, _, folder = series(
        tmp_path, TWO, grey, lang="uk", outputs=["mask", "report"], change=("2024-01", "2024-06-10")
    )
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Те, що зветься суходолом, не видно на" in page
    assert "кажуть лише інші дати" in page
    assert "the other dates" not in page
    assert any("the sky was bright" in w for w in result["provenance"]["warnings"])
    again, _, _ = series(
        tmp_path, TWO, grey, lang="uk", outputs=["mask", "report"], change=("2024-01", "2024-06-10")
    )
    assert json.dumps(again, sort_keys=True) == json.dumps(result, sort_keys=True)


def test_a_damaged_tile_is_read_around(tmp_path):
    for day, date in enumerate(DATES[:5]):
        pixels = ground(LAKE, day)
        write(tmp_path / "images", date, veiled(pixels, 0.45, True) if day == 4 else pixels, TWO)
    damage(tmp_path / "images" / "S2A_20240210.tif", (0, 0))
    given = {"source": str(tmp_path / "images"), "out": tmp_path / "run", "outputs": ["mask"]}
    run = run_water(make_config(WaterConfig, given | {"method": "ndwi:0.05"}))
    assert not run.complete
    *clear, overcast = run.result.to_dict()["dates"]
    assert overcast["unseen_share"] > 0.95
    assert [d["doubted"]["pixels"] for d in clear] == [0, 0, 0, 0]
    assert clear[1]["holes"]


def test_cells_are_some_300_metres():
    assert [cell_pixels(p) for p in (10.0, 20.0, 30.0, 500.0, None)] == [30, 15, 10, 8, 16]
