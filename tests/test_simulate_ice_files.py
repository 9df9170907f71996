"""Folders of simulated ice: what the files say, and that a run goes on where it stopped."""

import csv

import numpy as np
import pytest
import rasterio

import obriy
from obriy.cli.commands import app
from obriy.errors import UsageError
from obriy.model.flags import Flag
from obriy.model.ice import BANDS, CLOUD, LAND
from obriy.model.legend import load_legend
from obriy.simulate.files.scene import write_scene
from obriy.simulate.ice.folder import simulate_ice_folder
from obriy.simulate.ice.frame import area_grid
from obriy.simulate.ice.scene import simulate_ice

AQUA = "2021-01-12T04:05"


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read(1)


def rows_of(folder):
    with (folder / "truth.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("ice") / "set"
    paths = simulate_ice_folder(out, dates=[AQUA, "2021-02-20"], seed=7)
    return out, paths


def test_scenes_labels_and_land(folder):
    out, paths = folder
    name = "2021-01-12T0405_aqua"
    made = simulate_ice(7, AQUA)
    scene = obriy.open_scene(paths[name])
    assert sorted(b for b in scene if b in BANDS) == sorted(BANDS)
    assert "flags" not in scene
    for band in BANDS:
        assert np.abs(scene[band] - made.scene[band]).max() <= 0.5e-4 + 1e-6
    labels = read(out / "labels" / f"{name}.tif")
    assert np.array_equal(labels, made.truth)
    assert set(np.unique(labels)) <= set(load_legend("ice").codes)
    assert np.array_equal(read(paths["land"]) == 1, labels == LAND)
    assert "seed 7" in paths["readme"].read_text()


def test_the_command_makes_a_winter(tmp_path):
    app(["simulate", str(tmp_path / "bay"), "--setting", "ice", "--dates", "3", "-q"],
        standalone_mode=False)  # fmt: skip
    dates = [row["date"][:10] for row in rows_of(tmp_path / "bay")]
    assert dates == ["2020-12-01", "2021-02-07", "2021-04-15"]
    assert float(rows_of(tmp_path / "bay")[1]["ice_km2"]) > 0


def test_true_areas(folder):
    out, _ = folder
    row = next(r for r in rows_of(out) if r["date"] == AQUA)
    made = simulate_ice(7, AQUA)
    # On a sphere of 6371 km: a cell of 1.1/285 by 2.65/430 degrees.
    lat = np.radians(43.35 - (np.arange(285) + 0.5) * 1.1 / 285)[:, None]
    cell = np.radians(1.1 / 285) * np.radians(2.65 / 430) * 6371.0**2 * np.cos(lat)
    cell = np.broadcast_to(cell, (285, 430))
    share, sea = made.concentration.to_numpy(), np.isfinite(made.concentration.to_numpy())
    assert float(row["sea_km2"]) == pytest.approx(cell[sea].sum(), rel=0.004)
    assert float(row["ice_km2"]) == pytest.approx((cell * share)[sea].sum(), rel=0.005)
    wide = cell[sea & (share >= 0.15)].sum()
    assert float(row["extent_km2"]) == pytest.approx(wide, rel=0.005)
    cloudy = cell[made.truth.to_numpy() == CLOUD].sum() / cell[sea].sum()
    assert float(row["cloud_share"]) == pytest.approx(cloudy, abs=0.001)
    assert row["satellite"] == "aqua"


def test_it_goes_on_where_it_stopped(folder):
    out, paths = folder
    before = {p: p.stat().st_mtime_ns for p in out.glob("**/*.tif")}
    told = []
    more = simulate_ice_folder(
        out, dates=["2021-01-02", "2021-02-20", AQUA], seed=7, progress=lambda *n: told.append(n)
    )
    after = {p: p.stat().st_mtime_ns for p in out.glob("**/*.tif")}
    assert {p: after[p] for p in before} == before
    assert len(after) == len(before) + 2
    assert told[-1] == (3, 3)
    assert set(paths) < set(more)
    dates = [r["date"] for r in rows_of(out)]
    assert dates == sorted(dates)
    assert len(dates) == 3


def test_other_folders_are_refused(folder, tmp_path):
    out, _ = folder
    with pytest.raises(UsageError, match="something else"):
        simulate_ice_folder(out, dates=[AQUA], seed=8)
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="new folder"):
        simulate_ice_folder(tmp_path, dates=[AQUA])
    with pytest.raises(UsageError, match="No date"):
        simulate_ice_folder(tmp_path / "new", dates=[])


def test_land_alone_is_no_quality_band_and_cloud_is(tmp_path):
    made = simulate_ice(7, AQUA).scene
    with rasterio.open(write_scene(made, tmp_path / "land.tif")) as dataset:
        assert dataset.count == 7
    cloudy = made.assign(flags=made["flags"] | np.uint16(Flag.CLOUD))
    with rasterio.open(write_scene(cloudy, tmp_path / "cloud.tif")) as dataset:
        assert dataset.descriptions[-1] == "scl"


def test_granules_hold_the_same_bay(tmp_path):
    pytest.importorskip("pyhdf")
    pytest.importorskip("pyresample")
    from obriy.sources.modis.granule import open_granule

    out = tmp_path / "granules"
    paths = simulate_ice_folder(out, dates=[AQUA], seed=7, granules=True)
    (name,) = [n for n in paths if n.startswith("MYD02HKM.A2021012.0405.061.")]
    (clouds,) = out.glob("MYD35_L2.A2021012.0405.*.hdf")
    scene = open_granule(paths[name], geobox=area_grid(), clouds=clouds).load()
    truth = read(out / "labels" / f"{name}.tif")
    flags = scene["flags"].to_numpy()
    assert ((flags & Flag.LAND > 0) == (truth == LAND)).mean() > 0.95
    sea = truth != LAND
    hidden = (flags & Flag.CLOUD > 0)[sea]
    assert (hidden == (truth == CLOUD)[sea]).mean() > 0.85
    image = simulate_ice(7, AQUA).scene
    seen, known = scene["green"].to_numpy(), image["green"].to_numpy()
    assert np.corrcoef(seen[sea], known[sea])[0, 1] > 0.9
