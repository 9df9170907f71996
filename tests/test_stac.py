"""From a place and dates to the number, through catalogues: a real STAC API on loopback."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.staticfiles import StaticFiles
from tests.servers.faults import faulty
from tests.servers.running import running, serving_files
from tests.stac_scenes import item_of, stac_api, write_items, write_scene
from tests.terminal import error_line, obriy
from tests.test_net import anew, set_up

from obriy.errors import SourceError, UsageError
from obriy.model.areas import District
from obriy.model.grid import geobox_of
from obriy.model.item import Item
from obriy.prepare.warp import warp_on
from obriy.sources.base import Query
from obriy.sources.finding import find_items, list_items
from obriy.sources.scene import asked, open_item, open_scene
from obriy.sources.stac.catalogues import product_of
from obriy.sources.stac.opening import names_of, told_of
from obriy.sources.stac.search import _absolute, footprint_of
from obriy.tables import load_toml
from obriy.workflows.config.base import make_config
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import plan_job, run_job


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    """A cache of its own, and a client that does not wait long."""
    set_up(monkeypatch, tmp_path / "cache", net_tries=2)
    yield
    monkeypatch.undo()
    anew()


SIDE = 160
AROUND = "33.0,46.93833,33.021006,46.952736"
"""The lakes of zone 36, whose corner lies at 33 degrees east, and what lies around them."""


def lake(radius, shape=(SIDE, SIDE)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(y - shape[0] / 2, x - shape[1] / 2) < radius


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    """Three dates of a lake that grows: the folder of their files, and the file of their items."""
    folder = tmp_path_factory.mktemp("season")
    items = []
    for number, radius in enumerate((20, 30, 40)):
        day = f"2025-06-{5 + 10 * number:02d}"
        files = write_scene(folder / day, lake(radius), seed=number)
        items.append(item_of(files, f"S2B_{day}", f"{day}T08:36:09Z", cloud=10.0 * number))
    return folder, write_items(folder / "items.json", items)


@pytest.fixture(scope="module")
def api(season):
    with stac_api(season[1]) as address:
        yield f"stac:{address}"


def band_files(folder):
    return {file.stem: file for file in sorted(folder.glob("*.tif"))}


def water(tmp_path, name="run", **given):
    values = {"method": "ndwi:0.05", "outputs": ["mask"], "out": tmp_path / name} | given
    return run_job(make_config(WaterConfig, values)).result


def mask_of(result):
    """The labels of the only map of a result."""
    with rasterio.open(result.outputs["mask"]) as file:
        return file.read(1)


def query(**given):
    return Query(districts=(District("box", shapely.box(32.9, 46.8, 33.1, 47.0), "EPSG:4326"),),
                 **({"datetime": "2025-06"} | given))  # fmt: skip


# --- the numbers are those of the files ---------------------------------------------------------


def test_a_season_of_an_api_has_the_numbers_of_the_local_one(season, api, tmp_path):
    local = water(tmp_path, "local", source=str(season[0]), sensor="sentinel2_l2a", aoi=AROUND,
                  method="auto")  # fmt: skip
    found = water(tmp_path, "far", source=api, aoi=AROUND, datetime="2025-06", method="auto")
    assert [d.date for d in found.dates] == ["2025-06-05", "2025-06-15", "2025-06-25"]
    for far, near in zip(found.dates, local.dates, strict=True):
        assert (far.area_km2, far.interval_km2, far.threshold) == (
            near.area_km2, near.interval_km2, near.threshold,
        )  # fmt: skip
    inputs = found.provenance.inputs
    assert {one["item"] for one in inputs} == {f"S2B_{d.date}" for d in found.dates}
    assert {one["baseline"] for one in inputs} == {"05.11"}


def test_one_image_of_an_api_is_mapped_as_the_file_is(season, api, tmp_path):
    near = water(tmp_path, "near", source=str(season[0] / "2025-06-05"), sensor="sentinel2_l2a",
                 aoi=AROUND, method="auto")  # fmt: skip
    far = water(tmp_path, "far", source=api, aoi=AROUND, datetime="2025-06", best=1, method="auto")
    assert far.dates[0].date == "2025-06-05"  # the one with the least cloud
    assert (far.area_km2, far.interval_km2) == (near.area_km2, near.interval_km2)
    assert np.array_equal(mask_of(far), mask_of(near))


def test_land_cover_of_an_api_is_that_of_the_file(season, api, tmp_path):
    given = {"method": "kmeans", "clusters": 3, "outputs": ["landcover"]}
    near = {"source": str(season[0] / "2025-06-05"), "sensor": "sentinel2_l2a",
            "aoi": AROUND, "out": tmp_path / "near"}  # fmt: skip
    far = {"source": api, "aoi": AROUND, "datetime": "2025-06", "best": 1, "out": tmp_path / "far"}
    runs = [run_job(make_config(LandcoverConfig, given | own)) for own in (near, far)]
    maps = [rasterio.open(run.result.outputs["landcover"]).read(1) for run in runs]
    assert np.array_equal(*maps)


def test_land_cover_of_the_dates_of_an_api_is_the_season_of_the_files(season, api, tmp_path):
    given = {"method": "kmeans", "clusters": 3, "outputs": ["landcover"], "aoi": AROUND}
    near = {"source": str(season[0]), "sensor": "sentinel2_l2a", "out": tmp_path / "near"}
    far = {"source": api, "datetime": "2025-06", "out": tmp_path / "far"}
    runs = [run_job(make_config(LandcoverConfig, given | own)).result for own in (near, far)]
    days = ["2025-06-05", "2025-06-15", "2025-06-25"]
    assert [[row["date"] for row in one.season.dates] for one in runs] == [days, days]
    maps = [rasterio.open(one.outputs["landcover"]).read(1) for one in runs]
    assert np.array_equal(*maps)
    plan = plan_job(make_config(LandcoverConfig, given | far))
    assert plan["dates"] == days
    assert plan["bytes"] > 0


def test_the_result_names_the_items_it_is_derived_from(season, tmp_path):
    item = json.loads(season[1].read_text())["features"][0]
    item["links"] = [{"rel": "self", "href": "https://catalogue.invalid/items/S2B_2025-06-05"}]
    file = tmp_path / "item.json"
    file.write_text(json.dumps(item))
    found = water(tmp_path, source=f"stac:{file}", best=1)
    stac = json.loads(Path(found.outputs["stac"]).read_text())
    links = [link["href"] for link in stac["links"] if link["rel"] == "derived_from"]
    assert links == ["https://catalogue.invalid/items/S2B_2025-06-05"]


# --- what is found, what is chosen, and why -------------------------------------------------------


def test_a_place_and_dates_without_a_source_ask_the_catalogues():
    named = {"aoi": AROUND, "datetime": "2025-06"}
    assert make_config(WaterConfig, named).source == "stac:"
    assert make_config(LandcoverConfig, named).source == "stac:"
    assert make_config(WaterConfig, named | {"source": "sample:"}).source == "sample:"
    with pytest.raises(UsageError, match="--datetime"):
        make_config(WaterConfig, {"aoi": AROUND})


def test_no_name_of_a_catalogue_is_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = make_config(WaterConfig, {"aoi": AROUND, "datetime": "2025-06"})
    assert config.anchored().source == "stac:"
    with pytest.raises(SourceError, match=r"^missing\.json is no file"):
        list_items(["stac:missing.json"], Query(datetime="2025-06"))


def test_the_plan_lists_images_bytes_and_why_others_are_left_out(api, tmp_path):
    plan = plan_job(make_config(WaterConfig, {"source": api, "aoi": AROUND, "datetime": "2025-06",
                                              "max_cloud": 15.0, "out": tmp_path}))  # fmt: skip
    assert plan["dates"] == ["2025-06-05", "2025-06-15"]
    assert [one["id"] for one in plan["skipped"]] == ["S2B_2025-06-25"]
    assert "20% of the scene is cloud" in plan["skipped"][0]["why"]
    image = plan["images"][0]
    assert set(image["bands"]) == {"blue", "green", "red", "nir", "swir16", "swir22"}
    # Four bands of 10 m, 160 x 160 pixels; two and SCL of 20 m.
    pixels = 4 * 160 * 160 + 3 * 80 * 80
    assert image["bytes"] == pytest.approx(pixels * 1.3, rel=0.15)  # of outlines, not of pixels
    assert plan["bytes"] == 2 * image["bytes"]


@pytest.mark.parametrize(
    ("wanted", "dates"),
    [
        ({"best": 2}, ["2025-06-05", "2025-06-15"]),
        ({"max_dates": 2}, ["2025-06-05", "2025-06-15"]),  # the clearest of 05, and of 15 and 25
        ({"max_dates": 5}, ["2025-06-05", "2025-06-15", "2025-06-25"]),
        ({"datetime": "2025-06-10/2025-06-20"}, ["2025-06-15"]),
    ],
)
def test_dates_are_chosen(api, wanted, dates):
    assert [item.date for item in find_items([api], query(**wanted))] == dates


def test_options_that_choose_of_a_catalogue_are_refused_elsewhere(season):
    given = {"source": str(season[0]), "best": 1}
    with pytest.raises(UsageError, match=r"--best chooses among what a catalogue lists"):
        run_job(make_config(WaterConfig, given))


def test_land_cover_of_a_folder_takes_the_image_of_a_date(season, tmp_path):
    given = {"source": str(season[0]), "sensor": "sentinel2_l2a", "datetime": "2025-06-15",
             "clusters": 2, "out": tmp_path / "run", "outputs": ["landcover"]}  # fmt: skip
    assert run_job(make_config(LandcoverConfig, given)).result.dates[0].date == "2025-06-15"


def test_an_image_that_was_processed_again_is_read_once_and_it_is_said(season, tmp_path):
    raw = json.loads(season[1].read_text())["features"][0]
    again = json.loads(json.dumps(raw))
    again["id"] += "_N0600"
    again["properties"] |= {"s2:processing_baseline": "06.00"}
    with stac_api(write_items(tmp_path / "items.json", [raw, again])) as address:
        items = list_items([f"stac:{address}"], query())
    read = [item for item in items if not item.skipped]
    assert [item.document["id"] for item in read] == ["S2B_2025-06-05_N0600"]
    assert "S2B_2025-06-05 was processed again" in read[0].notes[0]


def test_where_nothing_is_listed_the_nearest_dates_are_told(api):
    with pytest.raises(SourceError, match=r"within 2025-07.*2025-06-25"):
        find_items([api], query(datetime="2025-07"))
    with pytest.raises(UsageError, match=r"All 2 images .* above --max-cloud"):
        find_items([api], query(max_cloud=5.0, datetime="2025-06-06/2025-06-30"))


def test_a_catalogue_that_is_silent_is_named_and_the_next_is_asked(season, api, monkeypatch):
    table = load_toml("catalogues")["catalogues"]
    for name, address in (("earth-search", "http://127.0.0.1:9"), ("planetary-computer", api[5:])):
        monkeypatch.setitem(table[name], "api", address)
    items = find_items(["stac:"], query())
    assert [item.date for item in items] == ["2025-06-05", "2025-06-15", "2025-06-25"]
    assert {item.document["catalogue"] for item in items} == {"planetary-computer"}
    assert "Earth Search does not answer" in items[0].notes[0]
    monkeypatch.setitem(table["planetary-computer"], "api", "http://127.0.0.1:9")
    with pytest.raises(SourceError, match="Earth Search does not answer"):
        find_items(["stac:"], query())


def test_what_one_catalogue_lists_and_another_does_not_is_named(season, api, tmp_path, monkeypatch):
    features = json.loads(season[1].read_text())["features"]
    table = load_toml("catalogues")["catalogues"]
    with stac_api(write_items(tmp_path / "some.json", features[:2])) as some:
        monkeypatch.setitem(table["earth-search"], "api", some)
        monkeypatch.setitem(table["planetary-computer"], "api", api[5:])
        items = find_items(["stac:"], query())
    assert [item.date for item in items] == ["2025-06-05", "2025-06-15"]
    assert "Earth Search does not list 1 images that Planetary Computer does" in items[0].notes[0]
    assert "2025-06-25 36TWT" in items[0].notes[0]


def test_a_static_catalogue_is_walked(season, tmp_path):
    import pystac

    catalogue = pystac.Catalog("lakes", "Lakes")
    for raw in json.loads(season[1].read_text())["features"]:
        raw.pop("collection")
        catalogue.add_item(pystac.Item.from_dict(raw))
    catalogue.normalize_and_save(str(tmp_path / "lakes"), pystac.CatalogType.SELF_CONTAINED)
    address = f"stac:{tmp_path / 'lakes' / 'catalog.json'}"
    found = water(tmp_path, source=address, aoi=AROUND, datetime="2025-06",
                  sensor="sentinel2_l2a", best=1)  # fmt: skip
    assert found.dates[0].date == "2025-06-05"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("/ok/green.tif", "http://far.example/ok/green.tif"),
        ("../green.tif", "http://far.example/green.tif"),
        ("//other.example/green.tif", "http://other.example/green.tif"),
        ("s3://bucket/green.tif", "s3://bucket/green.tif"),
        *((name, None) for name in ("file:///etc/a.tif", "FILE:/a.tif", "C:\\a.tif", "netcdf:/a")),
    ],
)
def test_a_document_of_the_network_names_no_file_of_this_machine(name, meant):
    item = {"id": "one", "assets": {"green": {"href": name}}}
    if meant is None:
        with pytest.raises(SourceError, match="a file of this machine"):
            _absolute(item, "http://far.example/items/one.json")
    else:
        made = _absolute(item, "http://far.example/items/one.json")
        assert made["assets"]["green"]["href"] == meant


@pytest.mark.parametrize("link", ["file:///etc/one.json", "/etc/one.json"])
def test_where_an_item_says_that_it_lies_makes_no_file_of_its_assets(link):
    item = {"links": [{"rel": "self", "href": link}], "assets": {"a": {"href": "a.tif"}}}
    try:
        made = _absolute(item, "http://far.example/one.json")["assets"]["a"]["href"]
    except SourceError:
        made = ""
    assert made == ("http://far.example/etc/a.tif" if link.startswith("/") else "")


# --- grids ----------------------------------------------------------------------------------------


def corner_at(lon, lat, crs):
    """The corner of a tile near a place, on whole pixels of 10 m."""
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    return crs, (round(x, -1), round(y, -1))


def across(tmp_path, *corners):
    """A file of two tiles of one pass, each with a lake, of these CRSs and corners."""
    items = []
    for side, (crs, corner) in enumerate(corners):
        files = write_scene(tmp_path / str(side), lake(40), crs=crs, corner=corner, seed=side)
        when = f"2025-06-05T08:36:{side:02d}Z"
        items.append(item_of(files, f"tile{side}", when, tile=f"0{side}XYZ"))
    return write_items(tmp_path / "items.json", items)


LAKE_KM2 = np.pi * 40**2 * 1e-4
"""A disc of 40 pixels of 100 m²; on the ground, of UTM, up to 0.1 % more."""


def test_tiles_that_show_the_same_lake_in_two_zones_are_one_lake(tmp_path):
    corners = []
    for crs in ("EPSG:32636", "EPSG:32637"):
        _, (x, y) = corner_at(35.999, 47.0, crs)
        corners.append((crs, (x - 800, y + 800)))
    file = across(tmp_path, *corners)
    found = water(tmp_path, source=f"stac:{file}", aoi="35.9,46.9,36.09,47.1", datetime="2025-06",
                  best=1)  # fmt: skip
    with rasterio.open(found.outputs["mask"]) as mask:
        assert mask.crs.to_epsg() == 32636  # the zone in which the middle of the district lies
    assert any("EPSG:32637 were resampled" in said for said in found.provenance.warnings)
    assert found.dates[0].area_km2 == pytest.approx(LAKE_KM2, rel=0.02)


def test_a_lake_across_the_border_of_zones_is_counted(tmp_path):
    file = across(
        tmp_path, corner_at(35.97, 47.0, "EPSG:32636"), corner_at(36.0, 47.0, "EPSG:32637")
    )
    found = water(tmp_path, source=f"stac:{file}", aoi="35.9,46.9,36.09,47.1", datetime="2025-06",
                  best=1)  # fmt: skip
    assert found.dates[0].area_km2 == pytest.approx(2 * LAKE_KM2, rel=0.01)


def test_a_place_across_the_antimeridian_is_searched_on_both_sides(tmp_path):
    file = across(
        tmp_path, corner_at(179.95, 65.0, "EPSG:32660"), corner_at(-179.98, 65.0, "EPSG:32601")
    )
    with stac_api(file) as address:
        found = water(tmp_path, source=f"stac:{address}", aoi="179.9,64.9,-179.9,65.1",
                      datetime="2025-06", best=1)  # fmt: skip
    assert {one["item"] for one in found.provenance.inputs} == {"tile0", "tile1"}
    assert found.dates[0].area_km2 == pytest.approx(2 * LAKE_KM2, rel=0.01)


def test_a_warped_scene_does_not_depend_on_how_it_is_cut(tmp_path):
    files = write_scene(tmp_path, lake(40), corner=corner_at(36.0, 47.0, "EPSG:32637")[1],
                        crs="EPSG:32637")  # fmt: skip
    scene = open_scene([str(file) for file in files.values()], sensor="sentinel2_l2a")
    own = geobox_of(scene)
    _, (x, y) = corner_at(36.0, 47.0, "EPSG:32636")
    grid = GeoBox((200, 200), Affine(10, 0, x - 150, 0, -10, y + 150), "EPSG:32636")
    warped = warp_on(scene, grid)
    for name in ("green", "flags"):
        whole = warped[name].to_numpy()
        parts = np.concatenate([warped[name][:, k : k + 37].to_numpy()
                                for k in range(0, whole.shape[1], 37)], axis=1)  # fmt: skip
        assert np.array_equal(whole, parts, equal_nan=whole.dtype.kind == "f")
    lit = np.isfinite(warped["green"].to_numpy()).sum()
    assert lit == pytest.approx(own.shape.y * own.shape.x, rel=0.02)


# --- what catalogues get wrong --------------------------------------------------------------------


def test_an_image_that_lacks_an_asset_is_a_date_that_failed(season, tmp_path):
    features = json.loads(season[1].read_text())["features"]
    del features[1]["assets"]["B03"]
    file = write_items(tmp_path / "items.json", features)
    found = water(tmp_path, source=f"stac:{file}", aoi=AROUND, datetime="2025-06")
    near = found.dates[0].status
    assert near != "failed"
    assert [d.status for d in found.dates] == [near, "failed", near]
    assert "green" in found.dates[1].reason


def test_the_grid_is_that_of_the_file_whatever_the_item_says(season, tmp_path):
    item = json.loads(season[1].read_text())["features"][0]
    item["properties"] |= {"proj:code": "EPSG:32601", "proj:shape": [7, 7],
                           "proj:transform": [1, 0, 0, 0, -1, 0]}  # fmt: skip
    file = write_items(tmp_path / "items.json", [item])
    found = water(tmp_path, source=f"stac:{file}", aoi=AROUND, datetime="2025-06", best=1)
    with (
        rasterio.open(found.outputs["mask"]) as mask,
        rasterio.open(item["assets"]["B03"]["href"]) as band,
    ):
        assert (mask.crs, mask.transform) == (band.crs, band.transform)


def test_a_collection_of_which_half_carries_the_offset_is_decided_image_by_image(tmp_path):
    """One item has the 1000 in its numbers; of the other it was taken off, and its item says so."""
    items = []
    for day, added, told in (("2025-06-05", 1000, False), ("2025-06-15", 0, True)):
        files = write_scene(tmp_path / day, lake(30), seed=3, added=added)
        more = {"earthsearch:boa_offset_applied": told}
        items.append(item_of(files, day, f"{day}T08:36:09Z", **more))
    file = write_items(tmp_path / "items.json", items)
    found = water(tmp_path, source=f"stac:{file}", aoi=AROUND, datetime="2025-06")
    assert found.dates[0].area_km2 == found.dates[1].area_km2
    assert found.dates[0].area_km2 == pytest.approx(np.pi * 30**2 * 1e-4, rel=0.02)


def test_common_names_of_earth_search_are_understood(season, tmp_path):
    names = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B11": "swir16",
             "B12": "swir22", "SCL": "scl"}  # fmt: skip
    item = json.loads(season[1].read_text())["features"][0]
    item["assets"] = {names[name]: asset for name, asset in item["assets"].items()}
    item["assets"]["visual"] = {"href": "none.tif", "type": "image/tiff", "roles": ["visual"]}
    file = write_items(tmp_path / "items.json", [item])
    (found,) = find_items([f"stac:{file}"], query())
    assert set(found.bands) == {"blue", "green", "red", "nir", "swir16", "swir22", "scl"}


def test_the_command_says_in_one_line_what_is_wrong(tmp_path):
    done = obriy("water", "stac:nowhere", "--aoi", AROUND, "--datetime", "2025-06")
    assert "no catalogue named 'nowhere'" in error_line(done, 2)
    done = obriy("water", "stac:http://127.0.0.1:9", "--aoi", AROUND, "--datetime", "2025-06")
    assert "127.0.0.1:9 does not answer" in error_line(done, 1)


def test_outlines_drawn_the_long_way_round_are_turned():
    drawn = {"type": "Polygon", "coordinates": [
        [[179.9, 64.9], [-179.9, 64.9], [-179.9, 65.1], [179.9, 65.1], [179.9, 64.9]]]}  # fmt: skip
    shape = footprint_of({"geometry": drawn})
    assert shape.area == pytest.approx(0.2 * 0.2)


# --- pixels in the network ------------------------------------------------------------------------


def test_pixels_of_a_server_of_cogs_give_the_numbers_of_the_files(season, tmp_path):
    folder = season[0]
    near = water(tmp_path, "near", source=str(folder), sensor="sentinel2_l2a", aoi=AROUND,
                 method="auto")  # fmt: skip
    with serving_files(folder) as cogs:
        features = [
            item_of(band_files(folder / day), f"S2B_{day}", f"{day}T08:36:09Z",
                    href=lambda file: f"{cogs.url}/{file.parent.name}/{file.name}")
            for day in ("2025-06-05", "2025-06-15", "2025-06-25")
        ]  # fmt: skip
        with stac_api(write_items(tmp_path / "items.json", features)) as address:
            far = water(tmp_path, "far", source=f"stac:{address}", aoi=AROUND, datetime="2025-06",
                        method="auto")  # fmt: skip
    assert [d.area_km2 for d in far.dates] == [d.area_km2 for d in near.dates]
    assert all(one["href"].startswith(cogs.url) for one in far.provenance.inputs)


def served(season, cogs):
    """The items of the season, their files on a server."""
    return [
        item_of(band_files(season[0] / day), f"S2B_{day}", f"{day}T08:36:09Z",
                href=lambda file: f"{cogs.url}/{file.parent.name}/{file.name}")
        for day in ("2025-06-05", "2025-06-15", "2025-06-25")
    ]  # fmt: skip


def test_a_run_is_made_again_with_the_network_off(season, tmp_path):
    with (
        serving_files(season[0]) as cogs,
        stac_api(write_items(tmp_path / "items.json", served(season, cogs))) as address,
    ):
        first = water(tmp_path, "first", source=f"stac:{address}", aoi=AROUND, datetime="2025-06")
    anew()  # as a new process, on another day; neither server is there any more
    again = obriy("run", tmp_path / "first", "--out", tmp_path / "again", "--json")
    assert again.returncode == 0, again.stderr
    told = json.loads(again.stdout)
    assert [d["area_km2"] for d in told["dates"]] == [d.area_km2 for d in first.dates]


def test_what_is_missing_with_the_network_off_is_said(season, tmp_path):
    with (
        serving_files(season[0]) as cogs,
        stac_api(write_items(tmp_path / "items.json", served(season, cogs))) as address,
    ):
        source = f"stac:{address}"
        water(tmp_path, "some", source=source, aoi=AROUND, datetime="2025-06", best=2)
    anew()
    found = water(tmp_path, "all", source=source, aoi=AROUND, datetime="2025-06")
    assert [d.status for d in found.dates[:2]] != ["failed", "failed"]
    assert found.dates[2].status == "failed"
    assert cogs.url in found.dates[2].reason
    assert found.dates[2].area_km2 is None


def test_a_tile_that_does_not_come_is_unseen_with_its_address_and_the_run_partial(
    season, tmp_path, monkeypatch
):
    """Of the second date a tile in the middle of the lake; the next run asks for it alone."""
    set_up(monkeypatch, tmp_path / "cache", net_tries=1)
    folder, day = season[0], "2025-06-15"
    with rasterio.open(folder / day / "B03.tif") as file:
        lost = int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", 1)) + 5000
    sick = []

    def fault(path, span, n):
        first, last = map(int, span.removeprefix("bytes=").split("-"))
        return "busy" if sick and path == f"/{day}/B03.tif" and first <= lost <= last else None

    with serving_files(folder) as cogs, faulty(cogs.port, fault) as proxy:
        features = [
            item_of(band_files(folder / one), f"S2B_{one}", f"{one}T08:36:09Z",
                    href=lambda file: f"{proxy.url}/{file.parent.name}/{file.name}")
            for one in ("2025-06-05", day)
        ]  # fmt: skip
        file = write_items(tmp_path / "items.json", features)
        words = ["water", f"stac:{file}", "--aoi", AROUND, "--datetime", "2025-06", "--method",
                 "ndwi:0.05", "--outputs", "mask", "--out", tmp_path / "run"]  # fmt: skip
        sick.append(True)
        partial = obriy(*words)
        told = json.loads((tmp_path / "run" / "result.json").read_text())
        sick.clear()
        before = len(cogs.asked)
        whole = obriy(*words)
        again = json.loads((tmp_path / "run" / "result.json").read_text())
    assert partial.returncode == 3, partial.stderr
    edge = again["dates"][0]["unseen_share"]  # the box is larger than the image
    assert told["dates"][1]["unseen_share"] > edge + 0.3
    assert f"{proxy.url}/{day}/B03.tif" in json.dumps(told["failed"])
    assert whole.returncode == 0, whole.stderr
    assert again["dates"][1]["unseen_share"] == pytest.approx(edge)
    assert {asked.path for asked in cogs.asked[before:]} == {f"/{day}/B03.tif"}


WORD = "a-secret-that-opens-files"


def test_tokens_open_pixels_and_stand_nowhere(season, tmp_path, monkeypatch):
    """As Planetary Computer has it: a token for a store, asked for when a pixel is read."""

    async def app(scope, receive, send):
        files = StaticFiles(directory=season[0].parent)
        told = Request(scope)
        if told.url.path.startswith("/token/"):
            answer = JSONResponse({"token": f"sig={WORD}", "msft:expiry": "2100-01-01T00:00:00Z"})
        elif told.query_params.get("sig") != WORD:
            answer = PlainTextResponse("no", 403)
        else:
            answer = files
        await answer(scope, receive, send)

    row = load_toml("catalogues")["catalogues"]["planetary-computer"]
    with running(app) as store:
        place = f"{store.url}/{season[0].name}"
        raw = item_of(band_files(season[0] / "2025-06-05"), "S2B", "2025-06-05T08:36:09Z",
                      href=lambda file: f"{place}/{file.parent.name}/{file.name}")  # fmt: skip
        with stac_api(write_items(tmp_path / "items.json", [raw])) as address:
            monkeypatch.setitem(row, "api", address)
            monkeypatch.setitem(row, "sign", store.url + "/token/{account}/{container}")
            monkeypatch.setitem(row, "signs", "127.0.0.1")
            found = water(tmp_path, source="stac:planetary-computer", aoi=AROUND,
                          datetime="2025-06", best=1)  # fmt: skip
    assert found.area_km2 == pytest.approx(np.pi * 20**2 * 1e-4, rel=0.02)
    assert [one.path for one in store.asked].count(f"/token/127/{season[0].name}") == 1
    left = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(left) > 10
    assert [file for file in left if WORD.encode() in file.read_bytes()] == []


def test_refresh_asks_again(season, tmp_path):
    with (
        serving_files(season[0]) as cogs,
        stac_api(write_items(tmp_path / "items.json", served(season, cogs))) as address,
    ):
        words = ["water", f"stac:{address}", "--aoi", AROUND, "--datetime", "2025-06",
                 "--best", "1", "--method", "ndwi:0.05", "--out", tmp_path / "run"]  # fmt: skip
        counts = []
        for more in ((), (), ("--refresh",)):
            anew()  # a process of its own
            before = len(cogs.asked)
            assert obriy(*words, *more).returncode in (0, 3)
            counts.append(len(cogs.asked) - before)
    assert counts[0] > 0
    assert counts == [counts[0], 0, counts[0]]


def test_the_world_is_not_asked_for(api):
    with pytest.raises(UsageError, match="Say --aoi and --datetime"):
        find_items([api], Query(datetime="2025-06"))
    with pytest.raises(UsageError, match="Say --aoi and --datetime"):
        find_items([api], query(datetime=None))


def test_items_that_say_no_time_are_left_out_and_named(season, tmp_path):
    features = json.loads(season[1].read_text())["features"]
    features[1]["properties"]["datetime"] = "yesterday"
    del features[2]["geometry"], features[2]["bbox"], features[2]["properties"]
    file = write_items(tmp_path / "items.json", features)
    (found,) = find_items([f"stac:{file}"], query())
    assert "2 items of" in found.notes[0]
    assert "S2B_2025-06-15, S2B_2025-06-25" in found.notes[0]


def test_pixels_in_a_closed_store_are_refused_with_what_they_need(season, tmp_path):
    item = json.loads(season[1].read_text())["features"][0]
    for name, asset in item["assets"].items():
        asset["href"] = f"s3://eodata/{name}.jp2"
    item["assets"]["B03"]["alternate"] = {"https": {"href": "https://store.invalid/B03.tif"}}
    file = write_items(tmp_path / "items.json", [item])
    (found,) = find_items([f"stac:{file}"], query())
    with pytest.raises(
        SourceError, match=r"s3://eodata/B02.jp2 lies in a store that asks for keys"
    ):
        open_item(found, asked(), query().districts)


def test_a_coarser_grid_is_read_from_overviews(tmp_path):
    """At 40 m the pixels of 10 m are not asked for; where it is looked first, those of 20 m are."""
    files = write_scene(tmp_path / "scene", lake(120, (512, 512)))
    bands = [str(files[name]) for name in ("B02", "B03", "B04", "B08")]
    near = open_scene(bands, sensor="sentinel2_l2a", resolution=40)["green"].to_numpy()
    box = "33.0,46.91,33.067,46.953"
    place = (District("box", shapely.box(*map(float, box.split(","))), "EPSG:4326"),)
    sizes = []
    for metres in (10, 40):
        with serving_files(tmp_path) as cogs:
            raw = item_of(files, "S2B", "2025-06-05T08:36:09Z",
                          href=lambda file: f"{cogs.url}/scene/{file.name}")  # fmt: skip
            file = write_items(tmp_path / "items.json", [raw])
            (item,) = find_items([f"stac:{file}"], Query(districts=place))
            scene = open_item(item, asked(bands="green", resolution=metres), place)
            far = scene["green"].to_numpy()
            spans = [one.span for one in cogs.asked if one.path.endswith("B03.tif")]
            sizes.append(sum(last - first for first, last in spans))
    assert far.shape == near.shape == (128, 128)
    assert np.abs(far - near).max() < 1.1e-4  # overviews are of whole numbers, rounded twice
    assert sizes[1] < sizes[0] / 3


S2_NAMES = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"]
S2_BANDS = {"coastal", "blue", "green", "red", "rededge071", "rededge075", "rededge078", "nir",
            "nir08", "nir09", "swir16", "swir22"}  # fmt: skip


@pytest.mark.parametrize(
    ("catalogue", "collection", "names", "sensor", "bands"),
    [
        ("planetary-computer", "sentinel-2-l2a", [*S2_NAMES, "SCL", "AOT", "WVP"],
         "sentinel2_l2a", S2_BANDS | {"scl"}),
        ("earth-search", "sentinel-2-c1-l2a",
         ["coastal", "blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir08",
          "nir09", "swir16", "swir22", "scl", "aot", "wvp", "cloud", "snow"],
         "sentinel2_l2a", S2_BANDS | {"scl"}),
        ("earth-search", "sentinel-2-l1c",
         ["coastal", "blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir08",
          "nir09", "cirrus", "swir16", "swir22"],
         "sentinel2_l1c", S2_BANDS | {"cirrus"}),
        ("cdse", "sentinel-2-l2a",
         ["B02_10m", "B02_20m", "B03_10m", "B8A_20m", "B11_20m", "B09_60m", "SCL_20m", "AOT_10m"],
         "sentinel2_l2a", {"blue", "green", "nir08", "nir09", "swir16", "scl"}),
        ("planetary-computer", "landsat-c2-l2",
         ["coastal", "blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel", "qa_radsat",
          "lwir11", "qa"],
         "landsat_c2l2",
         {"coastal", "blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel",
          "qa_radsat"}),
        ("planetary-computer", "hls2-s30", [*S2_NAMES, "B10", "Fmask", "SZA"],
         "hls", S2_BANDS | {"cirrus", "fmask"}),
        ("planetary-computer", "hls2-l30",
         ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B09", "B10", "B11", "Fmask"],
         "hls",
         {"coastal", "blue", "green", "red", "nir08", "swir16", "swir22", "cirrus", "fmask"}),
    ],
)  # fmt: skip
def test_assets_of_collections_are_bands(catalogue, collection, names, sensor, bands):
    """As the providers name them; what is no reflectance and no quality band is left."""
    row = product_of(catalogue, collection, "item")
    assert row["sensor"] == sensor
    document = {
        "catalogue": catalogue, "collection": collection, "id": "item", "properties": {},
        "assets": {n: {"href": f"https://x.invalid/{n}.tif", "type": "image/tiff"} for n in names},
    }  # fmt: skip
    assert set(names_of(document)) == bands


def test_of_several_pixel_sizes_the_finest_is_read_or_as_coarse_as_asked(tmp_path):
    document = {
        "catalogue": "cdse", "collection": "sentinel-2-l2a", "id": "item", "properties": {},
        "assets": {n: {"href": f"https://x.invalid/{n}.jp2", "type": "image/jp2"}
                   for n in ("B02_10m", "B02_20m", "B02_60m", "B03_10m")},
    }  # fmt: skip
    item = Item("item", "stac:", ("x",), document=document | {"href": "x"})
    for metres, name in ((None, "B02_10m"), (10, "B02_10m"), (25, "B02_20m"), (60, "B02_60m")):
        told = told_of(item, asked(resolution=metres))
        assert f"https://x.invalid/{name}.jp2" in told.bands
