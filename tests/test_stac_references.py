"""References that catalogues list, through a STAC API and a server of COGs on loopback."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import shapely
from affine import Affine
from tests.servers.running import serving_files
from tests.stac_scenes import stac_api, write_items, write_scene
from tests.test_net import anew, set_up
from tests.test_stac import lake

from obriy.errors import SourceError
from obriy.model.grid import geobox_of
from obriy.sources.scene import open_scene
from obriy.sources.stac.references import reference_file
from obriy.tables import load_toml
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import run_job

STEP = 1 / 12_000
"""Degrees: a pixel of WorldCover."""
CORNER = (32.98, 46.97)
COLUMNS, ROWS = 840, 720


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    set_up(monkeypatch, tmp_path / "cache", net_tries=2)
    yield
    monkeypatch.undo()
    anew()


@pytest.fixture(scope="module")
def scene_files(tmp_path_factory):
    files = write_scene(tmp_path_factory.mktemp("scene"), lake(40))
    return [str(file) for file in files.values()]


def truth():
    """WorldCover's water (80) where the lake of the scene lies, cropland (40) around it."""
    from pyproj import Transformer

    lon = CORNER[0] + (np.arange(COLUMNS) + 0.5) * STEP
    lat = CORNER[1] - (np.arange(ROWS) + 0.5) * STEP
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32636", always_xy=True).transform(
        *np.meshgrid(lon, lat)
    )
    return np.hypot(x - 500_800, y - 5_199_200) < 400


def tile(folder, name, numbers, left, nodata=None):
    """A tile of a map of the Earth as a COG, from column ``left`` on."""
    folder.mkdir(parents=True, exist_ok=True)
    place = Affine(STEP, 0, CORNER[0] + left * STEP, 0, -STEP, CORNER[1])
    with rasterio.open(
        folder / "draft.tif", "w", driver="GTiff", dtype="uint8", count=1, crs="EPSG:4326",
        height=numbers.shape[0], width=numbers.shape[1], transform=place, nodata=nodata,
    ) as file:  # fmt: skip
        file.write(numbers.astype("uint8"), 1)
    rasterio.shutil.copy(folder / "draft.tif", folder / name, driver="COG", blocksize=128)
    (folder / "draft.tif").unlink()
    return folder / name


def item(file, href, collection, asset, year):
    with rasterio.open(file) as dataset:
        shape = shapely.box(*dataset.bounds)
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": f"{collection}_{year}_{file.stem}",
        "collection": collection, "geometry": json.loads(shapely.to_geojson(shape)),
        "bbox": list(shape.bounds), "links": [],
        "properties": {"datetime": f"{year}-01-01T00:00:00Z"},
        "assets": {asset: {"href": href, "type": "image/tiff"}},
    }  # fmt: skip


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    """Planetary Computer on loopback: two tiles side by side, an older year that is all water."""
    folder, wet = tmp_path / "served", truth()
    cover = np.where(wet, 80, 40)
    folder.mkdir()
    half = COLUMNS // 2
    tiles = {
        "west.tif": (cover[:, :half], 0, "esa-worldcover", "map", 2021),
        "east.tif": (cover[:, half:], half, "esa-worldcover", "map", 2021),
        "old.tif": (np.full((ROWS, COLUMNS), 80), 0, "esa-worldcover", "map", 2020),
        "gsw.tif": (np.where(wet, 98, 0), 0, "jrc-gsw", "occurrence", 2020),
    }
    with serving_files(folder) as cogs:
        items = []
        for name, (numbers, left, collection, asset, year) in tiles.items():
            file = tile(folder, name, numbers, left)
            items.append(item(file, f"{cogs.url}/{name}", collection, asset, year))
        with stac_api(write_items(tmp_path / "items.json", items)) as api:
            row = load_toml("catalogues")["catalogues"]["planetary-computer"]
            monkeypatch.setitem(row, "api", api)
            monkeypatch.delitem(row, "sign")
            yield cogs


def scored(files, tmp_path, reference):
    given = {"source": str(Path(files[0]).parent), "sensor": "sentinel2_l2a", "out": tmp_path / "r",
             "method": "ndwi:0.05", "reference": reference, "outputs": ["mask"]}  # fmt: skip
    return run_job(make_config(WaterConfig, given)).result.evaluation


def test_worldcover_is_read_around_the_scene_and_kept(catalogue, scene_files, tmp_path):
    found = scored(scene_files, tmp_path, "worldcover")
    assert found.overall_accuracy > 0.98
    (kept,) = (tmp_path / "cache" / "references").iterdir()
    before = len(catalogue.asked)
    grid = geobox_of(open_scene(scene_files, sensor="sentinel2_l2a"))
    assert reference_file("worldcover", grid) == kept
    assert len(catalogue.asked) == before
    with rasterio.open(kept) as file:
        numbers, place = file.read(1), file.transform
    left = round((place.c - CORNER[0]) / STEP)
    top = round((CORNER[1] - place.f) / STEP)
    whole = np.where(truth(), 80, 40)
    assert np.array_equal(numbers, whole[top : top + numbers.shape[0],
                                         left : left + numbers.shape[1]])  # fmt: skip


def test_gsw_is_intersected_with_the_scene(catalogue, scene_files, tmp_path):
    found = scored(scene_files, tmp_path, "gsw?p=75")
    assert found.overall_accuracy > 0.98
    assert not found.independent


def test_where_no_reference_is_listed_it_is_said(catalogue, tmp_path):
    files = write_scene(tmp_path / "far", lake(40), corner=(500_000, 4_200_000))
    grid = geobox_of(open_scene([str(f) for f in files.values()], sensor="sentinel2_l2a"))
    with pytest.raises(SourceError, match=r"Planetary Computer lists no 'worldcover'"):
        reference_file("worldcover", grid)
