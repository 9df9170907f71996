"""`obriy ice` goes on after the last granule of MODIS: a winter of VIIRS, and of both."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("pyresample")

from scipy import ndimage
from tests.viirs_files import counts_of, name_of, write_geo, write_mod

from obriy.model.ice import LAND
from obriy.simulate.ice.folder import simulate_ice_folder
from obriy.simulate.ice.surface import light_at
from obriy.simulate.orbit import VIIRS, Pass
from test_water_command import error_line
from test_water_command import obriy as command

SEED = 11
DAY = "2026-02-17"
TIME = f"{DAY}T03:48"
BAY = (131.925, 42.8)


@pytest.fixture(scope="module")
def winter(tmp_path_factory):
    """Scenes of a simulated bay with their truth, and the granule of VIIRS over it."""
    folder = tmp_path_factory.mktemp("winter")
    simulate_ice_folder(folder / "truth", dates=[TIME], seed=SEED)
    one = Pass("aqua", TIME, BAY, 300.0, 17, VIIRS)
    lon, lat = one.positions(750)
    near = slice(*(np.flatnonzero(np.abs(lon - BAY[0]).min(axis=0) < 1.6)[[0, -1]] + [0, 1]))
    angles = one.angles(750)
    light = np.full((7, *lon.shape), np.nan)
    light[..., near], codes, _ = light_at(
        SEED, TIME, lon[:, near], lat[:, near], satellite="aqua",
        view_zenith=angles.view_zenith[:, near], sun_zenith=angles.sun_zenith[:, near],
    )  # fmt: skip
    mask = np.full(lon.shape, 7)
    mask[:, near] = np.where(ndimage.binary_closing(codes == LAND), 1, 7)
    granules = folder / "granules"
    granules.mkdir()
    write_mod(granules / name_of("VNP02MOD", TIME), *counts_of(light, angles.sun_zenith))
    write_geo(granules / name_of("VNP03MOD", TIME), lon, lat, sun=angles.sun_zenith,
              view=angles.view_zenith, mask=mask)  # fmt: skip
    return folder


def test_a_folder_of_viirs_is_mapped_like_one_of_modis(winter, tmp_path):
    later = winter / "granules" / name_of("VNP02MOD", "2026-02-19T03:48")
    later.write_text("<!DOCTYPE html><title>Earthdata Login</title>")
    done = command("ice", str(winter / "granules"), "--aoi", "peter-the-great-bay", "--reference",
                   str(winter / "truth" / "labels" / f"{TIME.replace(':', '')}_aqua.tif"),
                   "--out", str(tmp_path / "run"), "--json")  # fmt: skip
    assert done.returncode == 3, done.stderr  # the page is a date that failed, and is named
    result = json.loads(done.stdout)
    day, failed = result["dates"]
    assert (day["date"], failed["status"]) == (DAY, "failed")
    assert "web page" in json.dumps(failed)
    truth = (winter / "truth" / "truth.csv").read_text().splitlines()
    true = dict(zip(*(line.split(",") for line in truth), strict=True))
    assert day["sea_km2"] == pytest.approx(float(true["sea_km2"]), rel=0.02)
    assert day["expected_km2"] == pytest.approx(float(true["ice_km2"]), rel=0.25)
    assert day["unseen_share"] == pytest.approx(day["cloud_share"])
    assert result["evaluation"]["iou"] > 0.6


def test_one_granule_without_its_geolocation_is_an_error_in_one_line(winter, tmp_path):
    alone = shutil.copy(winter / "granules" / name_of("VNP02MOD", TIME), tmp_path)
    done = command("ice", str(alone), "--aoi", "peter-the-great-bay", "--out", str(tmp_path / "r"))
    assert "There is no VNP03MOD with VNP02MOD" in error_line(done, 1)
