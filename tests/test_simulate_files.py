import csv

import geopandas
import numpy as np
import pytest
import rasterio

import obriy
from obriy.cli.commands import app
from obriy.errors import UnknownNameError, UsageError
from obriy.model.flags import Flag
from obriy.model.grid import geobox_of, same_grid
from obriy.simulate.folder import dates_between, parse_size, simulate_to_folder
from obriy.simulate.season import make_season

DATES = ["2023-01-20", "2023-05-02"]
HIDING = Flag.NO_DATA | Flag.CLOUD | Flag.CIRRUS | Flag.CLOUD_SHADOW | Flag.SNOW


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("season") / "made"
    simulate_to_folder(out, dates=DATES, size=(70, 90), seed=5, setting="hard_cloudy")
    return out


@pytest.mark.parametrize("sensor", ["sentinel2_l2a", "landsat_c2l2", "modis_hkm"])
def test_images_read_back_as_they_were_made(tmp_path, sensor):
    simulate_to_folder(tmp_path / "a", dates=DATES[:1], size=(20, 24), seed=5, sensor=sensor)
    made = make_season((20, 24), 5, sensor=sensor).on(DATES[0])
    scene = obriy.open_scene(tmp_path / "a" / f"{DATES[0]}.tif")
    assert scene.attrs["time"] == DATES[0]
    assert same_grid(geobox_of(scene), geobox_of(made.scene))
    names = [str(n) for n in made.scene if n != "flags"]
    assert set(names) | {"flags"} == {str(n) for n in scene}
    for name in names:
        expected = made.scene[name].values
        np.testing.assert_allclose(scene[name].values, expected, atol=5.1e-5)
    hidden, expected = (s.flags.values & HIDING for s in (scene, made.scene))
    assert ((hidden > 0) == (expected > 0)).all()
    for flag in (Flag.NO_DATA, Flag.CLOUD):
        assert ((hidden & flag > 0) == (expected & flag > 0)).all()


def test_no_warning_about_scale_or_offset(folder):
    scene = obriy.open_scene(folder / f"{DATES[1]}.tif")
    record = scene.attrs["provenance"]
    assert record.step("scaling")["by"] == "file tags"
    assert record.warnings == ()


def test_the_truth_lies_beside(folder):
    made = make_season((70, 90), 5).on(DATES[1])
    with rasterio.open(folder / "truth" / f"{DATES[1]}.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), made.truth_fraction.values)
    rows = list(csv.DictReader((folder / "truth.csv").open()))
    assert [r["date"] for r in rows] == [d for d in DATES for _ in range(3)]
    areas = {r["district"]: float(r["true_km2"]) for r in rows if r["date"] == DATES[1]}
    assert areas["image"] == pytest.approx(made.true_km2, abs=1e-6)
    assert 0 <= areas["centre"] < areas["image"]


def test_districts_agree_with_the_fractions_to_the_pixels_of_their_edges(folder):
    # Whole pixels inside and half of those on the edge: within half of the edge pixels' area.
    frame = geopandas.read_file(folder / "districts.gpkg")
    made = make_season((70, 90), 5).on(DATES[1])
    rows = {r["district"]: r for r in csv.DictReader((folder / "truth.csv").open())
            if r["date"] == DATES[1]}  # fmt: skip
    y, x = (made.truth_fraction[d].values for d in ("y", "x"))
    assert str(frame.crs) == "EPSG:32636"
    for name, polygon in zip(frame["name"], frame.geometry, strict=True):
        import shapely

        inside = shapely.contains_xy(polygon, *np.meshgrid(x, y))
        by_pixels = made.truth_fraction.values[inside].sum() * 1e-4
        edge = polygon.length / 10 * 1e-4
        assert float(rows[name]["true_km2"]) == pytest.approx(by_pixels, abs=edge / 2)


def test_dates_between():
    assert dates_between(3, "2023-05-01", "2023-05-31") == [
        "2023-05-01", "2023-05-16", "2023-05-31"]  # fmt: skip
    assert dates_between(1, "2023-05-01", "2023-05-31") == ["2023-05-01"]
    for count, end in ((0, "2023-06-01"), (3, "2023-05-02"), (2, "2023-04-30")):
        with pytest.raises(UsageError, match="dates from"):
            dates_between(count, "2023-05-01", end)


def test_what_is_refused(folder, tmp_path):
    with pytest.raises(UsageError, match="not an empty folder"):
        simulate_to_folder(folder, dates=DATES)
    with pytest.raises(UsageError, match="is no date"):
        simulate_to_folder(tmp_path / "a", dates=["May"])
    with pytest.raises(UsageError, match="No date"):
        simulate_to_folder(tmp_path / "a", dates=[])
    with pytest.raises(UnknownNameError, match="hard_clear"):
        simulate_to_folder(tmp_path / "a", dates=DATES, setting="hard_cler")
    assert not (tmp_path / "a").exists()
    assert parse_size("30x40") == (30, 40)
    for text in ("big", "1x2x3"):
        with pytest.raises(UsageError, match="is no size"):
            parse_size(text)


def test_the_command(tmp_path, capsys):
    out = tmp_path / "made"
    app(["simulate", str(out), "--size", "32x40", "--dates", "2", "--setting", "easy"],
        standalone_mode=False)  # fmt: skip
    assert sorted(p.name for p in out.glob("*.tif")) == ["2023-04-01.tif", "2023-10-31.tif"]
    assert "truth.csv" in capsys.readouterr().out
    assert "setting easy, seed 7" in (out / "README.txt").read_text()
    with pytest.raises(UsageError, match="--size is not for ice"):
        app(["simulate", str(out), "--size", "32", "--setting", "ice"], standalone_mode=False)
