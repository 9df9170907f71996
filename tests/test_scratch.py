"""Layers that are needed while a map is measured, and are no output."""

import numpy as np
import rasterio
from affine import Affine
from tests.test_water_command import lake, write_image

from conftest import utm_grid
from obriy.blocks.windows import windows
from obriy.outputs.scratch import Scratch
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.water.job import run_water


def test_windows_that_were_written_are_read_in_any_other_cut(tmp_path):
    rng = np.random.default_rng(4)
    whole = rng.integers(0, 3, (70, 90)).astype("uint8")
    whole[:40, :30] = 0
    with Scratch(tmp_path, utm_grid((70, 90))) as scratch:
        for rows, columns in reversed(list(windows((70, 90), 32))):
            scratch.write(rows, columns, whole[rows, columns])
        layer = scratch.layer()
        assert np.array_equal(layer.to_numpy(), whole)
        assert np.array_equal(layer[17:60, 5:71].to_numpy(), whole[17:60, 5:71])
        assert list(tmp_path.iterdir()) == []  # it has no name that could stay behind
    assert list(tmp_path.iterdir()) == []


NEAR = "mndwi:0.76"
"""A threshold amid the water: much is doubtful."""


def run(tmp_path, name, outputs, method=NEAR):
    return run_water(
        WaterConfig(
            source=str(tmp_path / "S2A_20240615_scene.tif"), method=method,
            out=str(tmp_path / name), outputs=outputs,
        )
    )  # fmt: skip


def test_what_nobody_asked_for_is_measured_and_not_written(tmp_path):
    write_image(tmp_path / "S2A_20240615_scene.tif", lake())
    lean = run(tmp_path, "lean", ["mask"])
    full = run(tmp_path, "full", ["mask", "report"])
    assert "doubt" not in lean.result.outputs
    assert not (tmp_path / "lean" / "doubt.tif").exists()
    assert (tmp_path / "full" / "doubt.tif").exists()
    for name in ("area_km2", "expected_km2", "interval_km2", "uncertainty_km2", "unseen_share"):
        assert getattr(lean.result, name) == getattr(full.result, name), name
    with (
        rasterio.open(tmp_path / "lean" / "mask.tif") as one,
        rasterio.open(tmp_path / "full" / "mask.tif") as other,
    ):
        assert np.array_equal(one.read(), other.read())


def test_a_run_that_goes_on_has_the_areas_of_the_step_that_was_done(tmp_path):
    write_image(tmp_path / "S2A_20240615_scene.tif", lake())
    first = run(tmp_path, "run", ["mask"]).result
    assert first.uncertainty_km2["classification"] > 0  # of what is in no file
    for name in ("result.json", "finished.json", "areas.csv"):
        (tmp_path / "run" / name).unlink()
    again = run(tmp_path, "run", ["mask"]).result
    assert again.uncertainty_km2 == first.uncertainty_km2
    assert again.interval_km2 == first.interval_km2
    assert again.districts == first.districts


def test_an_image_without_place_or_size_has_a_map_and_no_area(tmp_path):
    path = write_image(tmp_path / "S2A_20240615_scene.tif", lake(), crs=None)
    with rasterio.open(path, "r+") as file:
        file.transform = Affine.identity()
    result = run(tmp_path, "run", ["mask"]).result
    assert result.area_km2 is None
    assert result.outputs["mask"]
