"""`obriy index`: an archive on disk is searched by area and time, and mapped like its folder."""

import json

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

pytest.importorskip("stac_geoparquet")

from obriy.errors import SourceError, UsageError
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.simulate.files.scene import write_scene
from obriy.sources.base import Query
from obriy.sources.districts import read_districts
from obriy.sources.finding import find_items
from obriy.sources.scene import open_scene
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.indexing import index_folder
from obriy.workflows.jobs import run_job
from test_water_command import error_line
from test_water_command import obriy as command

WEST, EAST = "33.99,46.95,34.02,46.99", "35.28,46.93,35.33,46.99"
"""Places around the images of `archive` in the west, and in the east."""


def image(path, day, west, size=64):
    """An image of 10 m of half land, half water; west is the easting of its edge in UTM 36."""
    grid = GeoBox((size, size), Affine(10, 0, west, 0, -10, 5_204_000), "EPSG:32636")
    left = np.arange(size) < size // 2
    bands = {"green": np.where(left, 0.08, 0.1), "nir": np.where(left, 0.02, 0.3)}
    arrays = {
        k: xr.Variable(("y", "x"), np.tile(v.astype("float32"), (size, 1)))
        for k, v in bands.items()
    }
    scene = make_scene(arrays, grid, sensor="unknown", provenance=Provenance(), time=day)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_scene(scene, path)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Images of two places, in folders of years, of which some have one name; and what is none."""
    folder = tmp_path_factory.mktemp("archive")
    west, east = 576_000, 675_000
    image(folder / "2024" / "2024-06-01.tif", "2024-06-01", west)
    image(folder / "2025" / "2025-06-08.tif", "2025-06-08", west)
    image(folder / "2025" / "2025-07-01.tif", "2025-07-01", west)
    image(folder / "east" / "2025-07-01.tif", "2025-07-01", east)
    image(folder / "east" / "undated.tif", None, east)
    (folder / "2024" / "notes.txt").write_text("nothing")
    return folder


@pytest.fixture(scope="module")
def indexed(archive):
    return index_folder(archive, archive / "archive.parquet")


def places(text):
    return tuple(read_districts(text))


def test_images_of_all_folders_are_in_it_once(archive, indexed):
    assert indexed.count == 4
    (left,) = indexed.left_out.items()
    assert left[0].endswith("undated.tif")
    assert "time" in left[1]
    items = find_items([str(indexed.path)])
    assert [(item.id, item.time) for item in items] == [
        ("2024-06-01", "2024-06-01"), ("2025-06-08", "2025-06-08"),
        ("2025-2025-07-01", "2025-07-01"), ("east-2025-07-01", "2025-07-01"),
    ]  # fmt: skip
    assert {item.source for item in items} == {"files"}
    assert items[1].paths == (str(archive / "2025" / "2025-06-08.tif"),)


def test_it_is_searched_by_area_and_time(indexed):
    east = find_items([str(indexed.path)], Query(districts=places(EAST)))
    assert [item.id for item in east] == ["east-2025-07-01"]
    west = find_items([str(indexed.path)], Query("2025", districts=places(WEST)))
    assert [item.date for item in west] == ["2025-06-08", "2025-07-01"]
    with pytest.raises(SourceError, match=r"None of the 4 images in .* touches the place"):
        find_items([str(indexed.path)], Query(districts=places("10,50,10.1,50.1")))


def test_another_reader_of_the_format_reads_the_same(indexed):
    rustac = pytest.importorskip("rustac")
    found = {item["id"]: item for item in rustac.read_sync(str(indexed.path))["features"]}
    assert set(found) == {item.id for item in find_items([str(indexed.path)])}
    one = found["2025-06-08"]
    assert one["properties"]["datetime"].startswith("2025-06-08T00:00:00")
    assert one["properties"]["proj:code"] == "EPSG:32636"
    assert one["assets"]["file"]["href"] == "./2025/2025-06-08.tif"
    assert one["geometry"]["type"] == "Polygon"
    # The middle of the image, by hand: 3 degrees of longitude are 228 km there, and it lies 76 km
    # east of the middle of the zone, 33 E.
    west, south, east, north = one["bbox"]
    assert (west + east) / 2 == pytest.approx(34.0, abs=0.01)
    assert (south + north) / 2 == pytest.approx(46.98, abs=0.01)


def test_a_season_of_an_index_is_that_of_the_folder(archive, indexed, tmp_path):
    def areas(source, out):
        values = {"source": str(source), "out": tmp_path / out, "method": "NDWI:0",
                  "aoi": "34.001,46.981,34.006,46.984", "datetime": "2025"}  # fmt: skip
        run = run_job(make_config(WaterConfig, values))
        assert run.complete
        rows = run.result.to_dict()["dates"]
        return [(row["date"], row["area_km2"]) for row in rows]

    found = areas(indexed.path, "index")
    assert [date for date, _ in found] == ["2025-06-08", "2025-07-01"]
    assert found == areas(archive / "2025", "folder")
    # From 34.001 E to 34.00354 E, where the water ends, 193 m, by 333.5 m.
    assert found[0][1] == pytest.approx(0.0646, rel=0.01)


def test_an_archive_may_move_and_needs_no_network(archive, tmp_path):
    import shutil

    moved = tmp_path / "moved"
    shutil.copytree(archive, moved)
    out = moved / "archive.parquet"
    out.unlink(missing_ok=True)
    done = command("index", str(moved), env={"HTTPS_PROXY": "http://127.0.0.1:9"})
    assert done.returncode == 3, done.stderr
    assert "4 images" in done.stdout
    assert "undated.tif" in done.stderr
    again = moved.rename(tmp_path / "again")
    items = find_items([str(again / "archive.parquet")])
    assert all(str(again) in item.paths[0] for item in items)
    assert open_scene(items[0].paths[0])["green"].shape == (64, 64)


def test_what_is_no_index(archive, indexed, tmp_path):
    with pytest.raises(UsageError, match="index of 4 images"):
        open_scene(indexed.path)
    page = tmp_path / "page.parquet"
    page.write_text("<html>")
    with pytest.raises(SourceError, match="no index of an archive"):
        find_items([str(page)])
    import geopandas as gpd
    import shapely

    gpd.GeoDataFrame({"id": ["a"]}, geometry=[shapely.Point(0, 0)], crs=4326).to_parquet(page)
    with pytest.raises(SourceError, match="no index of 'obriy index'"):
        find_items([str(page)])
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no image in" in error_line(command("index", str(empty)), 1)


def test_an_index_does_not_lead_to_the_network(archive, indexed, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(indexed.path)
    index = table.column_names.index("obriy:source")
    for source in ("stac:", "simulated:", "nothing"):
        changed = pa.array([source] * len(table))
        pq.write_table(table.set_column(index, "obriy:source", changed), tmp_path / "a.parquet")
        with pytest.raises(SourceError, match=f"'{source}', which is no source of files"):
            find_items([str(tmp_path / "a.parquet")])


def test_granules_are_outlined_by_their_edge(tmp_path):
    pytest.importorskip("pyresample")
    from tests.viirs_files import name_of, write_geo, write_mod

    from obriy.simulate.orbit import VIIRS, Pass

    for name, over, hour in (("bay", (131.9, 42.8), "03:48"), ("line", (180.0, 65.0), "00:42")):
        time = f"2026-06-18T{hour}"
        lon, lat = Pass("aqua", time, over, 0.0, 3, VIIRS).positions(750)
        folder = tmp_path / name
        folder.mkdir()
        write_mod(folder / name_of("VNP02MOD", time), np.full((7, *lon.shape), 9000, "uint16"))
        write_geo(folder / name_of("VNP03MOD", time), lon, lat)
    (tmp_path / "bay" / name_of("VJ102MOD", "2026-06-19T03:00")).write_text("<html>")
    done = index_folder(tmp_path, tmp_path / "a.parquet")
    assert (done.count, len(done.left_out)) == (2, 1)
    near = find_items([str(done.path)], Query(districts=places("131.8,42.7,132,42.9")))
    assert [item.time for item in near] == ["2026-06-18T03:48"]
    assert near[0].assets["geolocation"].endswith(".nc")
    for place in ("179.7,64.9,179.9,65.1", "-179.9,64.9,-179.7,65.1"):
        (item,) = find_items([str(done.path)], Query(districts=places(place)))
        assert item.time == "2026-06-18T00:42"
    with pytest.raises(SourceError, match="touches the place"):  # within the box of the swath
        find_items([str(done.path)], Query(districts=places("131.8,44.4,132,44.6")))
    assert json.dumps(done.left_out)
