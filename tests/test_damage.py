"""One damaged tile of an image is a hole of the size of that tile, whatever the image is like."""

import json

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.enums import Resampling
from rasterio.windows import Window
from tests.conftest import utm_grid

from obriy import map_landcover, map_water, open_scene
from obriy.blocks.damage import read_around, without_tiles
from obriy.blocks.decimate import block_means
from obriy.blocks.raster import RasterBand, file_geobox, lazy_variable, read_averaged
from obriy.errors import SourceError
from obriy.model.flags import Unseen
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.water.job import run_water

LAND = {"blue": 400, "green": 700, "red": 600, "nir": 3000, "swir16": 2000, "swir22": 1100}
WATER = {"blue": 500, "green": 600, "red": 400, "nir": 200, "swir16": 100, "swir22": 80}
SIDE = 96
"""Of the images, pixels: 3 x 3 tiles of 32."""


def lake(side=SIDE):
    """A lake in the middle, which every tile of 32 but the corners sees."""
    y, x = np.mgrid[:side, :side]
    return np.hypot(y - side / 2, x - side / 2) < side / 3


def write(path, names=tuple(LAND), side=SIDE, pixel=10.0, **profile):
    """Write an image of land and water; tiles of 32, pixel-interleaved, unless told otherwise."""
    kept = {"tiled": True, "blockxsize": 32, "blockysize": 32, "interleave": "pixel"} | profile
    water = lake(side)
    noise = np.random.default_rng(1).integers(-20, 20, (side, side))
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=len(names), dtype="uint16",
        compress="deflate", crs="EPSG:32636", transform=Affine(pixel, 0, 5e5, 0, -pixel, 5.2e6),
        **kept,
    ) as file:  # fmt: skip
        for index, name in enumerate(names, 1):
            file.write((np.where(water, WATER[name], LAND[name]) + noise).astype("uint16"), index)
            file.set_band_description(index, name)
    return path


def damage(path, *tiles, band=1):
    """Overwrite the bytes of tiles, each (row, column)."""
    data = bytearray(path.read_bytes())
    with rasterio.open(path) as file:
        for row, column in tiles:
            at, size = (
                int(file.get_tag_item(f"BLOCK_{key}_{column}_{row}", "TIFF", bidx=band))
                for key in ("OFFSET", "SIZE")
            )
            data[at : at + size] = b"\xff" * size
    path.write_bytes(bytes(data))
    return path


def hole(*windows, side=SIDE):
    """Where the windows (row, column, rows, columns) lie."""
    mask = np.zeros((side, side), bool)
    for row, column, rows, columns in windows:
        mask[row : row + rows, column : column + columns] = True
    return mask


def failed(class_map):
    """Where a map says that the image could not be read; elsewhere it must see everything."""
    unseen = class_map.unseen.to_numpy()
    assert set(np.unique(unseen)) <= {Unseen.SEEN, Unseen.FAILED}
    assert ((class_map.labels.to_numpy() == 0) == (unseen == Unseen.FAILED)).all()
    return unseen == Unseen.FAILED


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("band", [1, 6])
@pytest.mark.parametrize("tile", [(0, 0), (1, 1), (2, 2), (0, 2)])
def test_the_hole_is_the_tile(tmp_path, interleave, band, tile):
    path = damage(write(tmp_path / "a.tif", interleave=interleave), tile, band=band)
    found = map_water(open_scene(path, scale=1e-4), "aweish:zero")
    np.testing.assert_array_equal(failed(found), hole((32 * tile[0], 32 * tile[1], 32, 32)))
    seen = found.labels.to_numpy() > 0
    assert ((found.labels.to_numpy() == 2) == lake())[seen].mean() > 0.98
    assert any("cannot be read" in warning for warning in found.provenance.warnings)


@pytest.mark.parametrize("strip", [0, 5, 11])
def test_the_hole_is_the_strip(tmp_path, strip):
    path = write(tmp_path / "a.tif", tiled=False, blockxsize=None, blockysize=8, interleave="band")
    damage(path, (strip, 0), band=4)
    found = map_water(open_scene(path, scale=1e-4), "ndwi:zero")
    np.testing.assert_array_equal(failed(found), hole((8 * strip, 0, 8, SIDE)))


def test_the_hole_does_not_grow_with_the_blocks_of_the_engine_or_their_halo(tmp_path, monkeypatch):
    path = damage(write(tmp_path / "a.tif", side=256), (3, 3), (3, 4))
    scene = open_scene(path, scale=1e-4)
    whole = map_water(scene, "auto")
    monkeypatch.setattr("obriy.blocks.plan.TARGET_PIXELS", 70**2)
    cut = map_water(scene, "auto")
    np.testing.assert_array_equal(failed(whole), hole((96, 96, 32, 64), side=256))
    np.testing.assert_array_equal(cut.unseen.to_numpy(), whole.unseen.to_numpy())
    np.testing.assert_array_equal(cut.labels.to_numpy(), whole.labels.to_numpy())


def test_one_file_for_each_band(tmp_path):
    """A tile of a band of 20 m covers twice its size on the grid of 10 m."""
    for name in ("green", "nir"):
        write(tmp_path / f"{name}.tif", (name,))
    damage(write(tmp_path / "swir16.tif", ("swir16",), SIDE // 2, 20.0, blockysize=16), (1, 0))
    found = map_water(open_scene(tmp_path, scale=1e-4), "mndwi:zero")
    np.testing.assert_array_equal(failed(found), hole((32, 0, 32, 64)))
    near = hole((16, 0, 64, 80)) & ~hole((32, 0, 32, 64))
    assert ((found.labels.to_numpy() == 2) == lake())[near].mean() > 0.95


@pytest.mark.parametrize("resolution", [5, 20])
def test_on_another_grid(tmp_path, resolution):
    path = damage(write(tmp_path / "a.tif"), (1, 2))
    found = map_water(open_scene(path, scale=1e-4, resolution=resolution), "ndwi:zero")
    size = round(32 * 10 / resolution)
    lost = hole((size, 2 * size, size, size), side=3 * size)
    np.testing.assert_array_equal(failed(found), lost)


def test_a_quality_band(tmp_path):
    path = write(tmp_path / "a.tif", ("green", "nir"))
    quality = tmp_path / "scl.tif"
    with rasterio.open(path) as file:
        profile = file.profile | {"count": 1, "dtype": "uint8", "nodata": 0}
    with rasterio.open(quality, "w", **profile) as file:
        file.write(np.full((SIDE, SIDE), 4, "uint8"), 1)
        file.set_band_description(1, "scl")
    damage(quality, (0, 1))
    scene = open_scene([str(path), str(quality)], scale=1e-4, sensor="sentinel2_l2a")
    assert "flags" in scene
    np.testing.assert_array_equal(failed(map_water(scene, "ndwi:zero")), hole((0, 32, 32, 32)))


def test_jpeg_2000(tmp_path):
    """Its reader decodes tiles in threads, and keeps to itself what failed in them."""
    rasterio.shutil.copy(
        write(tmp_path / "a.tif", ("green", "nir"), 256), tmp_path / "a.jp2",
        driver="JP2OpenJPEG", BLOCKXSIZE="64", BLOCKYSIZE="64", QUALITY="100", REVERSIBLE="YES",
    )  # fmt: skip
    path = tmp_path / "a.jp2"
    data = bytearray(path.read_bytes())
    begin = data.index(b"\xff\x90\x00\x0a" + (6).to_bytes(2, "big"))  # SOT, of tile 6 of 16
    size = int.from_bytes(data[begin + 6 : begin + 10], "big")
    data[begin + 14 : begin + size] = b"\xff" * (size - 14)
    path.write_bytes(bytes(data))
    found = map_water(open_scene(path, scale=1e-4, bands="green,nir"), "ndwi:zero")
    np.testing.assert_array_equal(failed(found), hole((64, 128, 64, 64), side=256))


def test_land_cover(tmp_path):
    path = damage(write(tmp_path / "a.tif"), (0, 0))
    found = map_landcover(open_scene(path, scale=1e-4), clusters=3)
    np.testing.assert_array_equal(failed(found), hole((0, 0, 32, 32)))


def test_a_run_says_it_everywhere(tmp_path):
    path = damage(write(tmp_path / "a.tif"), (2, 1), (2, 2))
    run = run_water(WaterConfig(source=str(path), method="ndwi:zero", out=tmp_path / "run"))
    assert not run.complete
    (date,) = json.loads((tmp_path / "run" / "result.json").read_text())["dates"]
    assert date["status"] == "partial"
    assert date["unseen_share"] == pytest.approx(2 / 9, abs=1e-4)
    holes = [(h["row"], h["column"], h["rows"], h["columns"]) for h in date["holes"]]
    assert holes == [(64, 32, 32, 32), (64, 64, 32, 32)]
    report = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "rows 64-96, columns 32-64 cannot be read" in report


def test_a_district_counts_the_hole_in_its_own_pixels(tmp_path):
    path = damage(write(tmp_path / "a.tif", side=256), (4, 4))
    run = run_water(
        WaterConfig(
            source=str(path), method="ndwi:zero", out=tmp_path / "run", outputs=["mask"],
            aoi=str(district(tmp_path / "d.geojson", 110, 110, 60)),
        )
    )  # fmt: skip
    (date,) = run.result.to_dict()["dates"]
    (lost,) = date["holes"]
    assert (lost["row"], lost["column"]) == (128 - (110 - 32), 128 - (110 - 32))
    assert date["unseen_share"] == pytest.approx(32**2 / 60**2, rel=0.01)


def district(path, row, column, side):
    """Write a square of pixels of the image as a district."""
    left, top = 5e5 + 10 * column, 5.2e6 - 10 * row
    ring = [(left, top), (left + 10 * side, top), (left + 10 * side, top - 10 * side),
            (left, top - 10 * side), (left, top)]  # fmt: skip
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32636"}}
    feature = {"type": "Feature", "properties": {"name": "d"},
               "geometry": {"type": "Polygon", "coordinates": [ring]}}  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))
    return path


def test_a_date_of_a_series(tmp_path):
    for day in (5, 6, 7):
        write(tmp_path / "in" / f"2025-06-0{day}.tif")
    damage(tmp_path / "in" / "2025-06-06.tif", (0, 0))
    run = run_water(
        WaterConfig(
            source=str(tmp_path / "in"), method="ndwi:zero", out=tmp_path / "run", outputs=[]
        )
    )
    assert not run.complete
    statuses = {
        row["date"]: (row["status"], len(row["holes"])) for row in run.result.to_dict()["dates"]
    }
    assert statuses == {
        "2025-06-05": ("ok", 0), "2025-06-06": ("partial", 1), "2025-06-07": ("ok", 0),
    }  # fmt: skip


def test_what_cannot_be_read_at_all_is_refused(tmp_path):
    every = [(row, column) for row in range(3) for column in range(3)]
    path = damage(write(tmp_path / "a.tif"), *every)
    with pytest.raises(SourceError, match="cannot be read"):
        open_scene(path, scale=1e-4)
    one = damage(write(tmp_path / "b.tif", side=32), (0, 0))
    with pytest.raises(SourceError, match="cannot be read"):
        open_scene(one, scale=1e-4)


def test_one_sound_tile_is_enough(tmp_path):
    every = [(row, column) for row in range(3) for column in range(3) if (row, column) != (1, 2)]
    path = damage(write(tmp_path / "a.tif"), *every)
    found = map_water(open_scene(path, scale=1e-4), "ndwi:zero")
    np.testing.assert_array_equal(failed(found), ~hole((32, 64, 32, 32)))


def test_a_vrt_over_a_file_that_was_cut_short_is_refused(tmp_path):
    path = write(tmp_path / "a.tif", ("green", "nir"))
    vrt = tmp_path / "a.vrt"
    rasterio.shutil.copy(path, vrt, driver="VRT")
    damage(path, (1, 1))
    found = map_water(open_scene(vrt, scale=1e-4), "ndwi:zero")
    assert failed(found)[hole((32, 32, 32, 32))].all()
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(SourceError, match="is cut short"):
        open_scene(vrt, scale=1e-4)


# --- the parts


def variable_of(path, band=1, grid=None, **how):
    with rasterio.open(path) as file:
        return lazy_variable(RasterBand(str(path), band, **how), grid or file_geobox(file))


def test_everybody_else_is_refused_a_broken_window(tmp_path):
    variable = variable_of(damage(write(tmp_path / "a.tif"), (0, 0)))
    with pytest.raises(SourceError, match="columns 0-32 cannot be read"):
        variable[:32, :32].to_numpy()
    assert variable[32:, :].to_numpy().shape == (64, 96)


def test_holes_are_those_of_the_variable_that_was_read(tmp_path):
    variable = variable_of(damage(write(tmp_path / "a.tif"), (1, 1)))
    values, holes = read_around(variable[20:80, 30:], slice(5, 40), slice(0, 20))
    assert [(h.rows, h.columns) for h in holes] == [(slice(12, 44), slice(2, 34))]
    assert np.isnan(values[7:, 2:]).all()
    assert np.isfinite(values[:7]).all()
    assert np.isfinite(values[:, :2]).all()


def test_integers_are_filled(tmp_path):
    path = damage(write(tmp_path / "a.tif"), (0, 0))
    variable = variable_of(path, dtype="uint16", fill=7, resampling="nearest")
    values, _ = read_around(variable, slice(0, 33), slice(0, 33))
    assert (values[:32, :32] == 7).all()
    assert values[32, 32] > 300


def test_a_source_without_tiles_is_halved():
    """Of a source that only says that a window is broken."""
    from obriy.blocks.computed import computed_variable

    def make(rows, columns):
        if rows.start <= 300 < rows.stop and columns.start <= 5 < columns.stop:
            raise SourceError("broken")
        return np.ones((rows.stop - rows.start, columns.stop - columns.start), "float32")

    variable = computed_variable(make, utm_grid((1000, 200)), "float32")
    values, holes = read_around(variable, slice(0, 1000), slice(0, 200))
    assert np.isnan(values[300, 5])
    assert np.isnan(values).sum() <= 128**2
    (lost,) = holes
    assert np.isnan(values[lost.rows, lost.columns]).all()


def test_means_of_blocks_leave_out_what_is_broken(tmp_path):
    path = damage(write(tmp_path / "a.tif"), (0, 0))
    means = block_means(variable_of(path), (16, 16))
    assert np.isnan(means[:2, :2]).all()
    assert np.isfinite(means).sum() == 36 - 4


def test_broken_overviews_do_not_matter(tmp_path):
    path = write(tmp_path / "a.tif")
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2], Resampling.average)
    whole = block_means(variable_of(path), (2, 2))
    with rasterio.open(path, overview_level=0) as file:
        at = int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
    data = bytearray(path.read_bytes())
    data[at : at + 100] = b"\xff" * 100
    path.write_bytes(bytes(data))
    with pytest.raises(SourceError):
        read_averaged(variable_of(path), slice(0, 96), slice(0, 96), (48, 48))
    np.testing.assert_allclose(block_means(variable_of(path), (2, 2)), whole, atol=1)


def test_a_file_without_tiles_keeps_the_rest_and_its_mask(tmp_path):
    path = write(tmp_path / "a.tif", ("green", "nir"))
    with rasterio.open(path, "r+") as file:
        file.write_mask(lake())
    with rasterio.open(path) as file:
        whole = file.read(2)
        rest = without_tiles(file, 2, frozenset({(0, 1), (2, 0), (2, 2)}), 9.0)
        lost = hole((0, 32, 32, 32), (64, 0, 32, 32), (64, 64, 32, 32))
        np.testing.assert_array_equal(rest.read(2), np.where(lost, 9, whole))
        np.testing.assert_array_equal(rest.read_masks(2) > 0, lake() & ~lost)
        window = Window(40, 40, 10, 10)
        np.testing.assert_array_equal(rest.read(2, window=window), whole[40:50, 40:50])
