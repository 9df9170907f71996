"""A large image is looked at in places, most of all in the bands that will be mapped."""

import dataclasses

import numpy as np
import pytest
import rasterio
from affine import Affine

from obriy.blocks import decoded
from obriy.model.scene import band_names, provenance_of
from obriy.sources.base import SOURCES
from obriy.sources.reading import probe
from obriy.sources.sampled import look
from obriy.sources.scene import asked

SIDE, TILE = 2560, 512
DN = {"B02": 500, "B03": 700, "B04": 800, "B08": 2500, "B11": 2000, "B12": 1300}
MAPPED = {"green", "swir16"}


@pytest.fixture(autouse=True)
def _empty():
    decoded.forget()
    yield
    decoded.forget()


def bands():
    rng = np.random.default_rng(3)
    return {
        name: (dn + rng.normal(0, 40, (SIDE, SIDE))).astype("uint16") for name, dn in DN.items()
    }


def written(folder, numbers):
    paths = []
    for name, values in numbers.items():
        paths.append(folder / f"T36TXX_20240615_{name}.tif")
        with rasterio.open(
            paths[-1], "w", driver="GTiff", dtype="uint16", count=1, height=SIDE, width=SIDE,
            crs="EPSG:32636", transform=Affine(10, 0, 6e5, 0, -10, 5.3e6), tiled=True,
            blockxsize=TILE, blockysize=TILE, compress="deflate",
        ) as file:  # fmt: skip
            file.write(values, 1)
    return paths


def opened(folder, needs=None):
    return SOURCES.get("files").open(dataclasses.replace(asked(str(folder)), needs=needs))


def decisions(scene):
    record = provenance_of(scene)
    return [record.step(name) for name in ("bands", "nodata", "scaling")], record.warnings


def test_bands_that_are_not_mapped_are_read_in_a_window_of_each_row_and_column(tmp_path):
    numbers = bands()
    numbers["B03"][:128, 512:640] = 0  # doubtful: the second window of the first row
    paths = written(tmp_path, numbers)
    files = {
        name: probe(str(path))[0]
        for name, path in zip(("blue", "green", "red", "nir", "swir16", "swir22"), paths,
                              strict=True)
    }  # fmt: skip
    found = look(files, dict.fromkeys(files, ()), mapped=MAPPED)
    windows = {name: np.isfinite(v).reshape(25, -1) for name, v in found.items()}
    assert all(windows[name].all() for name in MAPPED)
    for name in set(files) - MAPPED:
        seen = windows[name].all(axis=1)
        assert np.array_equal(seen, windows[name].any(axis=1))
        assert seen.nonzero()[0].tolist() == [0, 1, 8, 12, 16, 24]
    assert decoded.kept_bytes() <= 2 * 25 * TILE * TILE * 2  # those that the map will read


@pytest.mark.parametrize(
    "fault",
    [
        "none",
        "collar",
        "clipped water",
        "holes in one band",
        "a band that starts late",
        "offset inside, one dark lake",
    ],
)
def test_what_is_decided_does_not_depend_on_which_bands_are_mapped(tmp_path, fault):
    numbers = bands()
    if fault == "collar":  # in places where the others are not looked at
        for values in numbers.values():
            values[:300, 500:1100] = 0
    if fault == "clipped water":
        for name in ("B08", "B11", "B12"):
            numbers[name][:1200, 1200:2400] = 0
    if fault == "holes in one band":
        numbers["B11"][::3, 1200:1400] = 0
    if fault == "a band that starts late":
        numbers["B02"][:1400] = 0
        numbers["B02"][:, :1400] = 0
        numbers["B02"][2000:, 2000:] = 0
    if fault == "offset inside, one dark lake":  # only red is dark there, which is not mapped
        for name, values in numbers.items():
            values[:] += 1000
            values[400:700, 400:700] = 1200 if name == "B04" else 1150 if name == "B11" else 1450
    written(tmp_path, numbers)
    every, few = opened(tmp_path), opened(tmp_path, lambda names: MAPPED)
    assert band_names(few) == band_names(every)
    (bands_of, hidden, scaling), warnings = decisions(few)
    (all_bands, all_hidden, all_scaling), all_warnings = decisions(every)
    assert (bands_of, hidden, warnings) == (all_bands, all_hidden, all_warnings)
    assert (scaling["scale"], scaling["offset"]) == (all_scaling["scale"], all_scaling["offset"])


def test_a_job_that_lacks_a_band_says_so_itself(tmp_path):
    from obriy.errors import BandError

    def needs(names):
        raise BandError("It lacks 'thermal'.", "Give it.")

    written(tmp_path, bands())
    assert len(band_names(opened(tmp_path, needs))) == len(DN)
