"""What is known of one spot: measured against the files themselves."""

import numpy as np
import pytest
import rasterio
import rasterio.warp

from obriy.render.text import text_of
from obriy.web import rasters, shapes, spot
from obriy.web.shelf import Shelf
from obriy.workflows.config.base import make_config
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import run_job

DATES = ["2023-05-01", "2023-07-01", "2023-09-01"]


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    """Three images; on the first one, of all bodies the western part is missing."""
    from obriy.simulate.folder import simulate_to_folder

    root = tmp_path_factory.mktemp("spot")
    simulate_to_folder(root / "images", dates=DATES, size=(64, 64), setting="easy_clear")
    with rasterio.open(root / "images" / "2023-05-01.tif", "r+") as image:
        read = image.read()
        read[:, :, :40] = 0
        image.write(read)
    values = {"source": str(root / "images"), "out": root / "runs" / "season"}
    values["outputs"] = ["mask", "fraction", "polygons"]
    run_job(make_config(WaterConfig, values))
    return Shelf(root / "runs").run("season"), root / "images"


def places(run):
    west, south, east, north = rasters.bounds(rasters.rasters(run)[0].file)
    rng = np.random.default_rng(5)
    return zip(rng.uniform(west, east, 12), rng.uniform(south, north, 12), strict=True)


def read_at(file, lon, lat):
    with rasterio.open(file) as image:
        x, y = rasterio.warp.transform("EPSG:4326", image.crs, [lon], [lat])
        row, column = image.index(x[0], y[0])
        if not (0 <= row < image.height and 0 <= column < image.width):
            return None
        return dict(zip(image.descriptions, image.read()[:, row, column], strict=True))


def test_a_spectrum_is_that_of_the_file(season):
    """Sentinel-2 of baseline 04.00: reflectance = (DN - 1000) / 10000; NDVI by its definition."""
    run, images = season
    told = 0
    for lon, lat in places(run):
        dn = read_at(images / "2023-07-01.tif", lon, lat)
        found = spot.spectrum_of(run, "2023-07-01", lon, lat)
        if dn is None:
            assert found is None
            continue
        told += 1
        assert found.reflectance
        values = {band: value for band, _, value in found.bands}
        waves = [wave for _, wave, _ in found.bands]
        assert waves == sorted(waves)
        red, nir = ((float(dn[band]) - 1000) / 10_000 for band in ("red", "nir"))
        assert values["red"] == pytest.approx(red, abs=1e-6)
        assert dict(found.indices)["NDVI"] == pytest.approx((nir - red) / (nir + red), abs=1e-5)
    assert told > 3
    assert spot.spectrum_of(run, "2023-07-01", 0.0, 0.0) is None
    (lon, lat), *_ = places(run)
    assert spot.spectrum_of(run, "2023-05-01", *west(run)) is None  # nothing was measured there


def west(run):
    low, south, high, north = rasters.bounds(rasters.rasters(run)[0].file)
    return low + 0.3 * (high - low), (south + north) / 2


def test_a_place_through_time_is_what_the_maps_say(season):
    run, _ = season
    words = {1: "Not water", 2: "Water"}
    for lon, lat in places(run):
        through = spot.through_time(run, lon, lat, "en")
        expected = []
        for date in DATES:
            mask = next(m for m in rasters.rasters(run) if m.date == date and m.output == "mask")
            read = read_at(mask.file, lon, lat)
            if read is not None:
                code = int(next(iter(read.values())))
                expected.append((date, words.get(code, "Not seen")))
        told = [(date, word) for date, word, _ in through.classes]
        assert [date for date, _ in told] == [date for date, _ in expected]
        for (_, word), (_, known) in zip(told, expected, strict=True):
            assert word == known or known == "Not seen"
        for curve in through.curves:
            assert curve.unit == "%"
            assert all(value is None or 0 <= value <= 100 for _, value in curve.points)


def test_first_and_last_water_of_a_body_are_those_of_its_chart(season):
    """A date that saw too little of it counts for neither, and is told apart in the chart."""
    run, _ = season
    text, apart = text_of("en"), 0
    bodies = [f["properties"] for f in shapes.outlines(run)["features"]]
    for body in bodies:
        found = shapes.known(run, "body", body["name"], text)
        facts = dict(found.facts)
        wet = [row.date for row in found.dates if row.counts and row.area_km2]
        assert (facts[text("series.body_first")], facts[text("series.body_last")]) == (
            wet[0],
            wet[-1],
        )
        parts = [row.date for row in found.dates if not row.counts]
        assert bool(found.note) == bool(parts)
        largest = max(row.area_km2 for row in found.dates if row.counts)
        assert facts[text("series.body_max")] == text.hectares(largest).split("\u00a0")[0]
        apart += parts == ["2023-05-01"]
    assert apart


def test_the_image_of_a_season_is_what_was_made_of_its_dates(season, tmp_path):
    """A map of land cover of many dates has no image of its own: the season stands for it."""
    _, images = season
    values = {
        "source": str(images), "out": tmp_path / "runs" / "cover", "clusters": 3, "rounds": 0,
        "outputs": ["landcover"],
    }  # fmt: skip
    run_job(make_config(LandcoverConfig, values))
    run = Shelf(tmp_path / "runs").run("cover")
    date = "2023-05-01/2023-09-01"
    assert spot.dates_of(run) == {date, *DATES}
    lon, lat = next((x, y) for x, y in places(run) if read_at(images / f"{DATES[1]}.tif", x, y))
    kept = read_at(run.folder / "season.tif", lon, lat)
    found = spot.spectrum_of(run, date, lon, lat)
    with rasterio.open(run.folder / "season.tif") as image:
        scale = image.scales[image.descriptions.index("nir")]
    assert {b: v for b, _, v in found.bands}["nir"] == pytest.approx(kept["nir"] * scale, abs=1e-6)
    picture = next(p for p in rasters.pictures(run) if p.date == date)
    with rasterio.open(rasters.made(run, picture).file) as made:
        assert (made.width, made.height) == (64, 64)
        assert made.read(4).min() == 255
