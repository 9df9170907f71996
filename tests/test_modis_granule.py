"""From a granule to a Scene: places, layers, records, and what is refused before the work."""

import functools
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from tests.modis_files import write_hkm, write_mod03

import obriy
from obriy.errors import (
    BandError,
    EmptyResultError,
    GeometryError,
    SourceError,
    UsageError,
)
from obriy.model.flags import Flag
from obriy.model.grid import geobox_of
from obriy.model.ice import BANDS
from obriy.model.provenance import hrefs_of
from obriy.model.scene import check_reflectance, check_scene, provenance_of
from obriy.simulate.files.granule import (
    granule_name,
    write_cloud_mask,
    write_geolocation,
    write_granule,
)
from obriy.simulate.orbit import Pass
from obriy.sources.land_mask import UNMASKED
from obriy.sources.modis.granule import open_granule

RADIUS_M = 6_371_007.0
PIXEL_M = 500.0
PASSES = {
    "bay": ("terra", "2021-02-18T02:25", (131.9, 42.8), 0.0),
    "edge of the swath": ("aqua", "2021-02-18T04:05", (131.9, 42.8), 1080.0),
    "other edge": ("terra", "2021-02-18T02:25", (131.9, 42.8), -1080.0),
    "date line": ("aqua", "2021-06-18T00:40", (180.0, 65.0), -200.0),
    "pole": ("aqua", "2021-06-18T12:00", (120.0, 89.8), -900.0),
    "south": ("terra", "2021-12-18T14:00", (-60.0, -70.0), 500.0),
}
LARGEST_M = {
    "bay": 420.0,
    "date line": 460.0,
    "south": 640.0,
    "pole": 1000.0,
    "edge of the swath": 1350.0,
    "other edge": 1350.0,
}
"""Half the diagonal of a footprint where a pass sees its place, and the steps of the counts: by
hand 0.35 km at nadir, 0.55 km 550 km beside it, 0.94 km at 950 km, 1.3 km at the ends."""
STEEP = 20.0
"""Reflectance of the pattern for one radius of the Earth."""


def vectors(lon, lat):
    lon, lat = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def square(over, size=160, step=PIXEL_M):
    """A grid of 80 km around a place, azimuthal equal-area."""
    half = size * step / 2
    crs = f"+proj=laea +lon_0={over[0]} +lat_0={over[1]} +datum=WGS84"
    return GeoBox((size, size), Affine(step, 0, -half, 0, -step, half), crs)


def lonlat_of(grid):
    """Longitude and latitude of the middles of the pixels."""
    import pyproj

    rows, columns = np.mgrid[: grid.shape.y, : grid.shape.x] + 0.5
    x, y = grid.affine @ (columns, rows)
    return pyproj.Transformer.from_crs(str(grid.crs), "EPSG:4326", always_xy=True).transform(x, y)


@functools.cache
def flown(name):
    """A pass, and its positions at both sizes."""
    satellite, time, over, offset = PASSES[name]
    one = Pass(satellite, time, over, offset, 14)
    return one, one.positions(1000), one.positions(500)


@pytest.fixture(scope="module")
def granule(tmp_path_factory):
    """Write granules whose first three bands tell where a sample lies: unit vectors."""

    @functools.cache
    def write(name):
        satellite, time, over, _ = PASSES[name]
        one, (lon, lat), fine = flown(name)
        pattern = 0.5 + STEEP * (vectors(*fine) - vectors(*over)[:, None, None])
        reflectance = np.full((7, *fine[0].shape), 0.4, "float32")
        reflectance[:3] = np.clip(pattern, 0.05, 0.95)
        folder = tmp_path_factory.mktemp("granules")
        path = folder / granule_name("02HKM", time, satellite)
        return write_granule(
            path, satellite=satellite, time=time, reflectance=reflectance,
            sun_zenith=one.sun_zenith(500), lon=lon, lat=lat,
        )  # fmt: skip

    return write


@pytest.mark.parametrize("name", PASSES)
def test_every_pixel_shows_the_place_that_it_lies_at(granule, name):
    over = PASSES[name][2]
    grid = square(over)
    scene = open_granule(granule(name), geobox=grid).compute()
    shown = np.stack([scene[band].values for band in BANDS[:3]])
    assert np.isfinite(shown).all()  # no hole, no seam between scans
    assert not (scene["flags"].values & Flag.NO_DATA).any()
    np.testing.assert_allclose(scene["swir16"], 0.4, atol=1e-3)  # Aqua's dead lines, filled
    place = (shown.astype("float64") - 0.5) / STEEP + vectors(*over)[:, None, None]
    wanted = vectors(*lonlat_of(grid))
    off = (place - wanted) * RADIUS_M
    # A nearest sample lies to any side of the middle: on average there is no shift.
    assert np.linalg.norm(np.median(off, axis=(1, 2))) < 0.1 * PIXEL_M
    assert np.linalg.norm(off, axis=0).max() < LARGEST_M[name]


def test_neighbouring_scans_meet_without_a_seam(granule):
    """Rows of pixels where the scan changes are not further from their places than others."""
    grid = square(PASSES["bay"][2])
    scene = open_granule(granule("bay"), geobox=grid).compute()
    shown = np.stack([scene[band].values for band in BANDS[:3]]).astype("float64")
    over = vectors(*PASSES["bay"][2])[:, None, None]
    off = np.linalg.norm(((shown - 0.5) / STEEP + over - vectors(*lonlat_of(grid))), axis=0)
    assert off.max() * RADIUS_M < 420  # half the diagonal, 354 m, and the counts' own step
    rows = np.median(off, axis=1) * RADIUS_M
    assert rows.max() - rows.min() < 150


def test_average_takes_all_samples_whose_middle_lies_in_a_pixel(granule):
    """At 4 km some 64 samples meet in a pixel: its value is that of its middle."""
    over = PASSES["bay"][2]
    grid = square(over, 20, 4000.0)
    scenes = {
        how: open_granule(granule("bay"), geobox=grid, resampling=how).compute()
        for how in ("nearest", "average")
    }
    wanted = 0.5 + STEEP * (vectors(*lonlat_of(grid)) - vectors(*over)[:, None, None])
    worst = {
        how: max(np.abs(scene[band] - wanted[k]).max().item() for k, band in enumerate(BANDS[:3]))
        for how, scene in scenes.items()
    }
    assert worst["average"] < 0.6 * worst["nearest"]
    assert worst["average"] < STEEP * 300 / RADIUS_M


@pytest.fixture
def straight(tmp_path):
    """A granule in straight rows: line j at 43.00225 - 0.0045 j north, sample i at 132 + 0.006 i.

    The counts of all bands are 10 000 j + 100 i, beside an offset of 300.
    """

    def write(*, change=None, mod03=True, samples=12, **facts):
        line, sample = np.mgrid[:20, :samples]
        counts = np.broadcast_to(300 + 1000 * line + 10 * sample, (7, 20, samples)).astype("uint16")
        if change is not None:
            change(counts)
        path = write_hkm(tmp_path / "MOD02HKM.A2021049.0225.061.hdf", counts, **facts)
        if mod03:
            write_mod03(tmp_path / "MOD03.A2021049.0225.061.hdf", 10, samples // 2)
        return path

    return write


def rows_of(columns=6, rows=10, step=1.0):
    """A grid in degrees whose pixels hold two lines by two samples where the step is 1."""
    affine = Affine(0.012 * step, 0, 132 - 0.003, 0, -0.009 * step, 43 + 0.0045)
    return GeoBox((rows, columns), affine, "EPSG:4326")


def value(line, sample):
    """Reflectance of a sample under a sun of 60 degrees, by hand."""
    return (1000 * line + 10 * sample) * 5e-5 / 0.5


def test_nearest_and_average_by_hand(straight):
    path = straight()
    mean = open_granule(path, geobox=rows_of(), resampling="average")["red"].values
    row, column = np.mgrid[:10, :6]
    np.testing.assert_allclose(mean, value(2 * row + 0.5, 2 * column + 0.5), rtol=1e-5, atol=1e-6)
    # Pixels of the size of samples, their middles on the samples.
    near = open_granule(path, geobox=rows_of(12, 20, 0.5))["red"].values
    row, column = np.mgrid[:20, :12]
    np.testing.assert_allclose(near, value(row, column), rtol=1e-5, atol=1e-6)


def test_average_leaves_out_what_is_missing(straight):
    def lose(counts):
        counts[0, 4:6, 4] = 65535
        counts[0, 6:8, 6:8] = 65535

    red = open_granule(straight(change=lose), geobox=rows_of(), resampling="average")["red"].values
    assert red[2, 2] == pytest.approx(value(4.5, 5), rel=1e-5)  # the other two
    assert np.isnan(red[3, 3])
    assert np.isnan(red).sum() == 1


def test_average_on_a_finer_grid_is_filled_by_the_nearest(straight):
    path, grid = straight(), rows_of(40, 60, 0.15)
    mean = open_granule(path, geobox=grid, resampling="average")["red"].values
    near = open_granule(path, geobox=grid)["red"].values
    assert np.isfinite(mean).all()
    np.testing.assert_array_equal(mean, near)


def test_layers_flags_and_the_record(straight):
    def damage(counts):
        counts[4, 2, 3] = 65533
        counts[4, 8, 3] = 65535

    path = straight(change=damage)
    scene = check_scene(open_granule(path, geobox=rows_of(12, 20, 0.5)))
    check_reflectance(scene)
    assert list(scene) == [*BANDS, "flags", "view_zenith", "sun_zenith"]
    assert scene.attrs["sensor"] == "modis_hkm"
    assert scene.attrs["time"] == "2021-02-18T02:25"
    flags = scene["flags"].values
    assert flags.dtype == np.uint16
    assert np.argwhere(flags).tolist() == [[2, 3]]
    assert flags[2, 3] == Flag.SATURATED
    assert scene["swir12"].values[2, 3] == pytest.approx((32767 - 300) * 5e-5 / 0.5, rel=1e-5)
    assert np.isnan(scene["swir12"].values[8, 3])
    np.testing.assert_allclose(scene["sun_zenith"], 60, atol=1e-3)
    np.testing.assert_allclose(scene["view_zenith"], 20, atol=1e-3)
    assert scene["view_zenith"].dtype == np.float32
    record = provenance_of(scene)
    assert [entry["href"] for entry in record.inputs] == [
        str(path),
        str(path.with_name("MOD03.A2021049.0225.061.hdf")),
    ]
    calibration = record.step("calibration")
    assert calibration["special_values"] == {"swir12: fill": 1, "swir12: saturated": 1}
    assert calibration["scales"]["red"] == pytest.approx(5e-5)
    assert record.step("scaling")["reflectance"] is True
    assert record.step("geolocation")["by"] == "MOD03"
    assert record.step("grid")["resampling"] == "nearest"
    assert record.step("land")["mask"] == "Land/SeaMask"
    assert record.warnings == ()


def test_land_of_mod03(straight):
    path = straight(mod03=False)
    land = np.full((10, 6), 7, "uint8")
    land[2:4, 1:3] = [[1, 2], [5, 0]]
    write_mod03(path.with_name("MOD03.A2021049.0225.061.hdf"), 10, 6, land=land)
    grid = rows_of(12, 20, 0.5)
    wanted = np.repeat(np.repeat(np.isin(land, [1, 2, 5]), 2, axis=0), 2, axis=1)
    for given in ("auto", "mod03"):
        flags = open_granule(path, geobox=grid, land=given)["flags"].values
        np.testing.assert_array_equal((flags & Flag.LAND) > 0, wanted)
    scene = open_granule(path, geobox=grid, land="none")
    assert not scene["flags"].values.any()
    assert provenance_of(scene).warnings == (UNMASKED,)


def test_land_of_polygons(straight, tmp_path):
    import geopandas as gpd
    import shapely

    file = tmp_path / "land.gpkg"
    west = shapely.box(131, 42, 132.0295, 44)  # as far as sample 4
    gpd.GeoDataFrame(geometry=[west], crs="EPSG:4326").to_file(file)
    scene = open_granule(straight(), geobox=rows_of(12, 20, 0.5), land=str(file))
    land = (scene["flags"].values & Flag.LAND) > 0
    assert land[:, :5].all()
    assert not land[:, 5:].any()
    assert provenance_of(scene).step("land")["mask"] == str(file)


def test_without_mod03_land_is_not_masked_and_angles_are_computed(straight):
    path = straight(mod03=False)
    scene = open_granule(path, geobox=rows_of())
    record = provenance_of(scene)
    told, unmasked = record.warnings
    assert told.startswith("No MOD03 of its time was found: positions are the granule's own")
    assert unmasked == UNMASKED
    assert record.step("geolocation")["by"] == "the granule's own fields"
    # Local noon is three and a quarter of an hour ahead of 02:25 at 132 E: 11:13, sun 55 degrees.
    assert scene["sun_zenith"].values == pytest.approx(55.6, abs=1)
    with pytest.raises(SourceError, match="no MOD03 with"):
        open_granule(path, geobox=rows_of(), land="mod03")


def test_clouds_of_mod35(granule):
    satellite, time, over, _ = PASSES["bay"]
    _, (lon, lat), _ = flown("bay")
    clear = np.where(lon < over[0], 3, 0).astype("uint8")
    path = granule("bay").parent / granule_name("35_L2", time, satellite)
    sea = np.zeros(lon.shape, "uint8")
    write_cloud_mask(path, satellite=satellite, time=time, lon=lon, lat=lat, clear=clear,
                     land_sea=sea)  # fmt: skip
    grid = square(over)
    scene = open_granule(granule("bay"), geobox=grid, clouds=path)
    cloud = (scene["flags"].values & Flag.CLOUD) > 0
    truth = lonlat_of(grid)[0] >= over[0]
    assert (cloud != truth).mean() < 0.02  # the pixels along the edge
    assert provenance_of(scene).step("clouds")["file"] == str(path)
    assert str(path) in hrefs_of(provenance_of(scene))  # another mask makes another map


def test_mod03_of_the_writer(granule):
    """Angles and land of a whole MOD03 file, against the orbit."""
    satellite, time, over, _ = PASSES["bay"]
    one, (lon, lat), _ = flown("bay")
    path = granule("bay").parent / "elsewhere" / granule_name("03", time, satellite)
    path.parent.mkdir(exist_ok=True)
    write_geolocation(
        path, satellite=satellite, time=time, lon=lon, lat=lat, angles=one.angles(1000),
        land_sea=np.where(lat > over[1], 1, 7).astype("uint8"),
    )  # fmt: skip
    grid = square(over)
    scene = open_granule(granule("bay"), geobox=grid, geolocation=path)
    land = (scene["flags"].values & Flag.LAND) > 0
    assert (land != (lonlat_of(grid)[1] > over[1])).mean() < 0.02
    own = open_granule(granule("bay"), geobox=grid)
    np.testing.assert_allclose(scene["sun_zenith"], own["sun_zenith"], atol=0.03)
    np.testing.assert_allclose(scene["view_zenith"], own["view_zenith"], atol=0.5)
    np.testing.assert_allclose(scene["red"], own["red"], atol=0.01)


def test_windows_are_parts_of_the_whole_in_any_order_and_after_pickling(granule):
    scene = open_granule(granule("edge of the swath"), geobox=square(PASSES["bay"][2], 100))
    whole = scene.compute()
    windows = [(slice(40, 100), slice(0, 33)), (slice(0, 7), slice(90, 100)), (slice(50, 51),) * 2]
    again = pickle.loads(pickle.dumps(scene))
    for rows, columns in windows:
        for one in (scene, again):
            part = one.isel(y=rows, x=columns).compute()
            for name in scene:
                np.testing.assert_array_equal(part[name], whole[name][rows, columns])


def test_threads_may_read_at_the_same_time(granule):
    whole = open_granule(granule("date line"), geobox=square(PASSES["date line"][2], 80)).compute()
    scene = open_granule(granule("date line"), geobox=square(PASSES["date line"][2], 80))
    windows = [(band, slice(row, row + 20)) for row in range(0, 80, 20) for band in BANDS]
    with ThreadPoolExecutor(4) as threads:
        found = threads.map(lambda one: scene[one[0]][one[1]].values, windows)
        for (band, rows), values in zip(windows, found, strict=True):
            np.testing.assert_array_equal(values, whole[band][rows])


def test_a_window_larger_than_is_made_at_once(granule, monkeypatch):
    scene = open_granule(granule("bay"), geobox=square(PASSES["bay"][2], 60))
    whole = scene["green"].values
    monkeypatch.setattr("obriy.sources.modis.layers.MOST", 3000)
    np.testing.assert_array_equal(scene["green"].values, whole)


def test_without_an_area_the_grid_holds_the_whole_granule(granule):
    scene = open_granule(granule("date line"), resolution=4000.0)
    grid = geobox_of(scene)
    assert abs(grid.affine.a) == 4000
    # 14 scans of 10 km, 2330 km wide.
    seen = int((~np.isnan(scene["swir12"].values)).sum()) * 16
    assert seen == pytest.approx(14 * 10 * 2330, rel=0.15)


def test_a_grid_that_is_partly_covered_has_no_data_beyond(granule):
    over = PASSES["edge of the swath"][2]
    scene = open_granule(granule("edge of the swath"), geobox=square(over, 100, 4000.0)).compute()
    nothing = (scene["flags"].values & Flag.NO_DATA) > 0
    assert 0.2 < nothing.mean() < 0.95
    np.testing.assert_array_equal(np.isnan(scene["red"].values), nothing)


def test_open_scene_reads_a_granule_on_the_grid_of_the_study(granule):
    scene = obriy.open_scene(granule("bay"), area="peter-the-great-bay")
    grid = geobox_of(scene)
    assert (grid.shape.y, grid.shape.x) == (285, 430)
    assert grid.crs == "EPSG:4326"
    assert tuple(grid.extent.boundingbox.bbox) == pytest.approx((130.6, 42.25, 133.25, 43.35))
    assert grid.affine.e < 0
    again = obriy.open_scene(str(granule("bay")), area=grid)
    np.testing.assert_array_equal(again["red"], scene["red"])


def test_an_area_of_another_kind_is_refused(granule):
    with pytest.raises(UsageError, match=r"\(131, 42, 132, 43\) is no area"):
        obriy.open_scene(granule("bay"), area=(131, 42, 132, 43))


def test_a_granule_that_does_not_touch_the_area(granule):
    with pytest.raises(GeometryError) as raised:
        obriy.open_scene(granule("bay"), area="10,40,12,41")
    assert "does not touch the area" in str(raised.value)
    assert "the area longitude 10.0 to 12.0, latitude 40.0 to 41.0" in str(raised.value)
    with pytest.raises(GeometryError, match="does not touch"):  # just beyond the end of a scan
        open_granule(granule("edge of the swath"), geobox=_beyond_the_edge())


def _beyond_the_edge():
    """A grid of 30 km, 20 km outside the swath."""
    _, (lon, lat), _ = flown("edge of the swath")
    middle, inner = (np.array([lon[70, k], lat[70, k]]) for k in (0, 20))
    if not 131 < middle[0] < 133:  # the other end is the near one
        middle, inner = (np.array([lon[70, k], lat[70, k]]) for k in (-1, -21))
    outward = (middle - inner) / np.linalg.norm((middle - inner) * [0.73, 1])
    return square(tuple(middle + outward * 45 / 111), 60)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"day": "Night"}, "taken at night"),
        ({"attributes": {"Number of Day mode scans": 0}}, "taken at night"),
    ],
)
def test_a_granule_of_the_night(straight, facts, message):
    with pytest.raises(EmptyResultError, match=message):
        open_granule(straight(**facts), geobox=rows_of())


def test_a_granule_without_a_number(straight):
    path = straight(change=lambda counts: counts.fill(65535))
    with pytest.raises(EmptyResultError, match="no number over the area"):
        open_granule(path, geobox=rows_of())


def test_a_granule_of_dusk(straight):
    path = straight()
    write_mod03(path.with_name("MOD03.A2021049.0225.061.hdf"), 10, 6, sun=87.0)
    with pytest.raises(EmptyResultError, match=r"the sun stands 3\.0 degrees high"):
        open_granule(path, geobox=rows_of())


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"product": "MOD021KM"}, "MOD021KM: the bands at 1 km.*name MOD02HKM"),
        ({"product": "MYD02QKM"}, "MYD02QKM: bands 1 and 2 at 250 m.*name MYD02HKM"),
        ({"product": "MOD03"}, "MOD03: the geolocation.*with --geolocation"),
        ({"product": "MOD35_L2"}, "MOD35_L2: a cloud mask"),
        ({"product": "MOD11_L2"}, "MOD11_L2, which is not read. Name the image: MOD02HKM"),
        ({"collection": "5"}, r"collection 5, whose calibration.*collection 6\.1"),
    ],
)
def test_another_product_or_collection(straight, facts, message):
    with pytest.raises(SourceError, match=message):
        obriy.open_scene(straight(**facts))


def test_collection_6_is_read_with_a_warning(straight):
    record = provenance_of(open_granule(straight(collection="6"), geobox=rows_of()))
    assert "collection 6, superseded" in record.warnings[0]


def test_bad_input_of_open_scene(straight, tmp_path, granule):
    path = straight()
    page = tmp_path / "MOD02HKM.A2021050.0225.061.hdf"
    page.write_text("<!DOCTYPE html><title>Earthdata Login</title>")
    with pytest.raises(SourceError, match=r"is a web page.*Log in"):
        obriy.open_scene(page)
    cut = tmp_path / "MOD02HKM.A2021051.0225.061.hdf"
    cut.write_bytes(granule("bay").read_bytes()[:2_000_000])
    with pytest.raises(SourceError, match="cut short"):
        obriy.open_scene(cut)
    with pytest.raises(SourceError, match="There is no file"):
        obriy.open_scene(tmp_path / "none.hdf")
    with pytest.raises(BandError, match="no field 'EV_500_RefSB'"):
        obriy.open_scene(straight(leave_out=["EV_500_RefSB"]))
    with pytest.raises(UsageError, match="Leave --sensor"):
        obriy.open_scene(path, scale=0.1)
    with pytest.raises(UsageError, match="one granule at a time"):
        obriy.open_scene([path, path])
    with pytest.raises(UsageError, match="'area' is for products of MODIS"):
        obriy.open_scene("sample:", area="peter-the-great-bay")
    other = write_mod03(tmp_path / "other.hdf", 10, 6, time="2021-02-18T02:30")
    with pytest.raises(SourceError, match="another granule"):
        obriy.open_scene(straight(), geolocation=other)
