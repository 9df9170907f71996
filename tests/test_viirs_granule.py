"""Granules of VIIRS: places, bands, special values, what is refused before the work."""

import functools

import numpy as np
import pytest

pytest.importorskip("pyresample")

from affine import Affine
from odc.geo.geobox import GeoBox
from tests.test_modis_granule import RADIUS_M, STEEP, lonlat_of, square, vectors
from tests.viirs_files import (
    BANDS as FIELDS,
)
from tests.viirs_files import (
    BOWTIE,
    CAL_FAIL,
    DELETED,
    FAILED,
    FILL,
    LARGEST,
    MISSING,
    SATURATION,
    SCALE,
    SOME_SATURATION,
    counts_of,
    deleted,
    name_of,
    write_clouds,
    write_geo,
    write_mod,
)

import obriy
from obriy.errors import BandError, EmptyResultError, GeometryError, SourceError, UsageError
from obriy.model.flags import Flag
from obriy.model.ice import BANDS
from obriy.model.provenance import hrefs_of
from obriy.model.scene import check_reflectance, check_scene, provenance_of
from obriy.simulate.orbit import VIIRS, Pass
from obriy.sources.base import Query
from obriy.sources.finding import find_items
from obriy.sources.land_mask import UNMASKED
from obriy.sources.modis.scanner import scanner_of
from obriy.sources.viirs.granule import open_mod
from obriy.tables.sensor import load_sensor

TIME = "2026-02-18T03:48"
PASSES = {
    "nadir": (TIME, (131.9, 42.8), 0.0),
    "two by two": (TIME, (131.9, 42.8), 700.0),
    "alone": (TIME, (131.9, 42.8), -1100.0),
    "edge of the swath": (TIME, (131.9, 42.8), 1480.0),
    "date line": ("2026-06-18T00:42", (180.0, 65.0), -400.0),
    "pole": ("2026-06-18T12:00", (120.0, 89.8), -900.0),
}


@functools.cache
def flown(name):
    """A pass of some scans, and the positions of its samples."""
    time, over, offset = PASSES[name]
    one = Pass("aqua", time, over, offset, 11, VIIRS)
    return one, one.positions(750)


@pytest.fixture(scope="module")
def granule(tmp_path_factory):
    """Write granules whose first three bands tell where a sample lies: unit vectors."""

    @functools.cache
    def write(name):
        time, over, _ = PASSES[name]
        one, (lon, lat) = flown(name)
        sun = one.sun_zenith(750)
        reflectance = np.full((7, *lon.shape), 0.4)
        pattern = 0.5 + STEEP * (vectors(lon, lat) - vectors(*over)[:, None, None])
        reflectance[:3] = np.clip(pattern, 0.05, 0.95)
        folder = tmp_path_factory.mktemp("viirs")
        write_geo(folder / name_of("VNP03MOD", time), lon, lat, sun=sun, view=one.view_zenith(750),
                  mask=np.where(lat > over[1], 1, 7))  # fmt: skip
        return write_mod(folder / name_of("VNP02MOD", time), *counts_of(reflectance, sun))

    return write


@pytest.mark.parametrize("name", PASSES)
def test_every_pixel_shows_the_place_that_it_lies_at(granule, name):
    """Where the instrument deleted samples, those of the next scan serve: there is no hole."""
    over, grid = PASSES[name][1], square(PASSES[name][1], 100, 750.0)
    scene = open_mod(granule(name), geobox=grid).compute()
    shown = np.stack([scene[band].values for band in BANDS[:3]])
    assert np.isfinite(shown).all()
    assert not (scene["flags"].values & Flag.NO_DATA).any()
    place = (shown.astype("float64") - 0.5) / STEEP + vectors(*over)[:, None, None]
    off = (place - vectors(*lonlat_of(grid))) * RADIUS_M
    assert np.linalg.norm(np.median(off, axis=(1, 2))) < 75
    assert np.linalg.norm(off, axis=0).max() < 1.08 * half_diagonal(name)


def half_diagonal(name):
    """Half the diagonal of four samples, metres, where a pass sees its place: at nadir 0.54 km."""
    place = vectors(*flown(name)[1])
    middle = np.linalg.norm(place - vectors(*PASSES[name][1])[:, None, None], axis=0)
    line, sample = np.unravel_index(middle.argmin(), middle.shape)
    line = line // 16 * 16 + 7  # within a scan
    sides = (place[:, line + down, sample + right] - place[:, line, sample]
             for down, right in ((0, 1), (1, 0)))  # fmt: skip
    return np.hypot(*(np.linalg.norm(side) for side in sides)) / 2 * RADIUS_M


def test_samples_were_deleted_where_the_passes_look(granule):
    """Else the test above would show nothing: half of the places lie among deleted samples."""
    gone = deleted(16 * 11, 3200).mean(axis=0)
    lon = {name: flown(name)[1][0] for name in ("two by two", "alone", "nadir")}
    share = {
        name: gone[np.abs(values[88] - PASSES[name][1][0]).argmin()] for name, values in lon.items()
    }
    assert share == {"nadir": 0, "two by two": 2 / 16, "alone": 4 / 16}


def test_footprints_grow_as_the_documents_say():
    """JPSS VIIRS Geolocation ATBD: 742 by 776 m at nadir, 1.6 by 1.58 km at the ends of a scan."""
    scan, track = scanner_of("viirs").footprint_m(slice(0, 3200))
    assert scan[[1599, 1600]] == pytest.approx([776, 776], rel=0.01)
    assert track[[1599, 1600]] == pytest.approx([742, 742], rel=0.01)
    assert scan[[0, -1]] == pytest.approx([1580, 1580], rel=0.04)
    assert track[[0, -1]] == pytest.approx([1600, 1600], rel=0.03)
    assert len(scan) == 3200
    nadir, _ = scanner_of("viirs").view_angles(slice(0, 3200))
    edges = np.degrees((nadir[[639, 1007]] + nadir[[640, 1008]]) / 2)
    assert edges == pytest.approx([44.680, 31.589], abs=0.03)  # of the zones, by the same


def test_land_and_angles_are_those_of_the_geolocation(granule):
    one, (lon, _) = flown("nadir")
    grid = square(PASSES["nadir"][1], 100, 750.0)
    scene = open_mod(granule("nadir"), geobox=grid)
    land = (scene["flags"].values & Flag.LAND) > 0
    assert (land != (lonlat_of(grid)[1] > 42.8)).mean() < 0.02
    assert scene["view_zenith"].values.max() < 5
    sun = one.sun_zenith(750)[88, np.abs(lon[88] - 131.9).argmin()]
    assert scene["sun_zenith"].values[50, 50] == pytest.approx(sun, abs=0.1)


@pytest.fixture
def straight(tmp_path):
    """A granule in straight rows under a sun of 60 degrees, 0.01 degrees from sample to sample."""

    def write(change=None, *, geo=True, family="VNP", lines=16, time=TIME, collection="002",
              clouds=None, **options):  # fmt: skip
        counts, flags = np.full((2, 7, lines, 8), 10_000, "uint16")
        flags[:] = 0
        if change is not None:
            change(counts, flags)
        path = tmp_path / name_of(f"{family}02MOD", time, collection)
        write_mod(path, counts, flags, family=family, **options)
        lat, lon = np.meshgrid(43 - 0.01 * np.arange(lines), 132 + 0.01 * np.arange(8),
                               indexing="ij")  # fmt: skip
        if geo:
            write_geo(tmp_path / name_of(f"{family}03MOD", time), lon, lat, family=family)
        return path

    return write


ROWS = GeoBox((16, 8), Affine(0.01, 0, 131.995, 0, -0.01, 43.005), "EPSG:4326")
"""Pixels whose middles are the samples of `straight`."""


def test_m_bands_stand_for_bands_1_to_7_as_the_table_says(straight):
    def tell(counts, flags):
        counts[:] = 1000 * np.arange(1, 8)[:, None, None]

    scene = check_scene(open_mod(straight(tell), geobox=ROWS))
    check_reflectance(scene)
    for k, band in enumerate(BANDS, 1):  # counts over the cosine of 60 degrees, by hand
        np.testing.assert_allclose(scene[band], 1000 * k * SCALE / 0.5, rtol=1e-5)
    assert scene.attrs["sensor"] == "viirs_mod"
    assert scene.attrs["time"] == TIME
    bands = {band.common: band for band in load_sensor("viirs_mod").bands}
    assert tuple(bands[name].id for name in BANDS) == FIELDS
    modis = {band.common: band for band in load_sensor("modis_hkm").bands}
    for name in BANDS:  # no farther from its own than band 7, 2.13 and 2.25 um
        assert bands[name].wavelength == pytest.approx(modis[name].wavelength, rel=0.06)


def test_special_values_and_what_is_saturated(straight):
    def damage(counts, flags):
        counts[0, 0, :5] = [MISSING, FAILED, FILL, FAILED, 65_530]
        flags[0, 0, :5] = [512, CAL_FAIL, FILL, CAL_FAIL | SATURATION, SATURATION]
        counts[1, 1, 1], flags[1, 1, 1] = 40_000, SOME_SATURATION
        counts[2, 1, 2] = LARGEST
        counts[:, 1, 3] = 0
        counts[3, 2, :2], flags[3, 2, :2] = MISSING, 512 | SATURATION  # never seen: not bright

    scene = open_mod(straight(damage), geobox=ROWS).compute()
    brightest = LARGEST * SCALE / 0.5
    red = scene["red"].values[0, :6]
    np.testing.assert_allclose(red, [np.nan] * 3 + [brightest] * 2 + [0.4], rtol=1e-5)
    assert scene["nir"].values[1, 1] == pytest.approx(40_000 * SCALE / 0.5)
    assert scene["blue"].values[1, 2] == pytest.approx(brightest)
    assert np.isnan([scene[band].values[1, 3] for band in BANDS]).all()
    assert np.isnan(scene["green"].values[2, :2]).all()
    flags = scene["flags"].values
    assert np.argwhere(flags).tolist() == [[0, 3], [0, 4], [1, 1], [1, 2]]
    assert set(flags[flags > 0]) == {Flag.SATURATED}
    said = provenance_of(scene).step("calibration")
    assert said["special_values"] == {
        "red: missing": 1, "red: calibration_failed": 2, "red: fill": 1, "red: off_scale": 1,
        "red: saturated": 2, "nir: saturated": 1, "blue: saturated": 1, "green: missing": 2,
    }  # fmt: skip
    assert said["fields"]["swir22"] == "observation_data/M11"


def test_a_deleted_sample_is_served_by_the_nearest_of_another_line(straight):
    def delete(counts, flags):
        counts[:, 1] = 20_000
        counts[:, 0], flags[:, 0] = DELETED, BOWTIE
        counts[0, 8, 4], flags[0, 8, 4] = DELETED, BOWTIE  # one band alone: damage, and a hole

    scene = open_mod(straight(delete), geobox=ROWS).compute()
    np.testing.assert_allclose(scene["red"].values[0], 0.8, rtol=1e-5)
    assert np.argwhere(np.isnan(scene["red"].values)).tolist() == [[8, 4]]
    assert not scene["flags"].values.any()


def test_the_record(straight):
    path = straight(family="VJ1", collection="021")
    record = provenance_of(open_mod(path, geobox=ROWS))
    geo = path.with_name(name_of("VJ103MOD"))
    assert hrefs_of(record) == [str(path), str(geo)]
    facts = {"satellite": "NOAA-20", "product": "VJ102MOD", "collection": 21, "time": TIME}
    assert facts.items() <= record.inputs[0].items()
    assert record.step("geolocation")["file"] == str(geo)
    assert record.step("land")["mask"] == "geolocation_data/land_water_mask"
    assert record.warnings == ()
    none = provenance_of(open_mod(path, geobox=ROWS, land="none"))
    assert none.warnings == (UNMASKED,)


@pytest.mark.parametrize("family", ["VNP", "VJ1", "VJ2"])
def test_clouds_are_those_of_the_mask_of_the_same_granule(straight, family):
    path = straight(family=family)
    satellite = {"VNP": "SNPP", "VJ1": "NOAA20", "VJ2": "NOAA21"}[family]
    mask = np.tile(np.array([0, 1, 2, 3, -1, 0, 3, 3], "int8"), (16, 1))
    clouds = path.with_name(name_of(f"CLDMSK_L2_VIIRS_{satellite}"))
    write_clouds(clouds, mask, family=family)
    (item,) = find_items([str(path.parent)])
    assert item.assets == {
        "geolocation": str(path.with_name(name_of(f"{family}03MOD"))), "clouds": str(clouds),
    }  # fmt: skip
    scene = open_mod(path, geobox=ROWS, clouds=clouds)
    np.testing.assert_array_equal((scene["flags"].values & Flag.CLOUD) > 0, mask == 0)
    other = write_clouds(path.with_name(name_of("CLDMSK_L2_VIIRS_X", "2026-02-18T03:54")), mask)
    with pytest.raises(SourceError, match="cloud mask of Suomi NPP at 2026-02-18T03:54"):
        open_mod(path, geobox=ROWS, clouds=other)


def test_granules_are_found_by_name_with_what_belongs_to_them(tmp_path):
    names = [
        name_of("VNP02MOD"), name_of("VNP03MOD"),
        name_of("VJ202MOD_NRT", "2026-02-19T04:00"), name_of("VJ203MOD_NRT", "2026-02-19T04:00"),
        name_of("VJ102MOD", "2026-02-18T03:48"),  # of another satellite at the same time
    ]  # fmt: skip
    for name in names:
        (tmp_path / name).write_bytes(b"\0" * 64)  # not opened
    items = {item.id: item for item in find_items([str(tmp_path)])}
    assert len(items) == 3
    found = {one[:8]: item.assets.get("geolocation") for one, item in items.items()}
    assert found == {
        "VNP02MOD": str(tmp_path / names[1]), "VJ202MOD": str(tmp_path / names[3]),
        "VJ102MOD": None,
    }  # fmt: skip
    (item,) = find_items([str(tmp_path)], Query("2026-02-19/2026-02-19"))
    assert item.time == "2026-02-19T04:00"


def test_an_orphan_says_what_it_lacks(straight):
    path = straight(geo=False)
    with pytest.raises(SourceError, match=r"no VNP03MOD with VNP02MOD.*no positions"):
        open_mod(path, geobox=ROWS)
    (item,) = find_items([str(path)])
    assert item.assets == {}


def test_geolocation_of_another_granule_or_size_is_refused(straight, tmp_path):
    path = straight()
    lon, lat = np.full((16, 8), 132.0), np.full((16, 8), 43.0)
    later = write_geo(tmp_path / name_of("VNP03MOD", "2026-02-18T03:54"), lon, lat)
    with pytest.raises(SourceError, match="another granule: of Suomi NPP, 2026-02-18T03:54"):
        open_mod(path, geobox=ROWS, geolocation=later)
    fine = write_geo(tmp_path / "geo.nc", lon, lat, product="03IMG")
    with pytest.raises(SourceError, match="VNP03IMG, which holds no geolocation"):
        open_mod(path, geobox=ROWS, geolocation=fine)
    short = write_geo(tmp_path / "short.nc", lon[:, :4], lat[:, :4])
    with pytest.raises(SourceError, match=r"\(16, 4\) lines and frames .* needs \(16, 8\)"):
        open_mod(path, geobox=ROWS, geolocation=short)
    bare = write_geo(tmp_path / "bare.nc", lon, lat, leave_out=["solar_zenith"])
    with pytest.raises(BandError, match="no field 'geolocation_data/solar_zenith'"):
        open_mod(path, geobox=ROWS, geolocation=bare)
    nowhere = write_geo(tmp_path / "nowhere.nc", lon * np.nan, lat)
    with pytest.raises(SourceError, match="has no position"):
        open_mod(path, geobox=ROWS, geolocation=nowhere)
    with pytest.raises(GeometryError, match="does not touch the area"):
        obriy.open_scene(path, area="10,40,12,41")


def test_a_granule_of_the_night_lacks_bands_and_says_that_it_is_night(straight):
    path = straight(day="Night", leave_out=["M03", "M04", "M05", "M03_flags", "M04_flags"])
    with pytest.raises(EmptyResultError, match="taken at night"):
        open_mod(path, geobox=ROWS)


def test_what_is_no_granule_is_refused(straight, tmp_path):
    page = tmp_path / name_of("VNP02MOD", "2026-02-20T03:48")
    page.write_text("<!DOCTYPE html><title>Earthdata Login</title>")
    with pytest.raises(SourceError, match=r"is a web page.*Log in"):
        obriy.open_scene(page)
    whole = straight()
    cut = tmp_path / name_of("VNP02MOD", "2026-02-21T03:48")
    cut.write_bytes(whole.read_bytes()[:9000])
    with pytest.raises(SourceError, match="cut short"):
        obriy.open_scene(cut)
    renamed = whole.rename(tmp_path / name_of("VNP02MOD", "2026-02-22T03:48"))
    with pytest.raises(SourceError, match="by its metadata"):
        obriy.open_scene(renamed)
    geo = next(tmp_path.glob("VNP03MOD*"))
    with pytest.raises(SourceError, match="VNP03MOD: the geolocation of a granule"):
        obriy.open_scene(geo)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"leave_out": ["M10"]}, BandError, "no field 'observation_data/M10'"),
        ({"leave_out": ["M10_flags"]}, BandError, "no field 'observation_data/M10_quality_flags'"),
        ({"ShortName": "VNP02IMG"}, SourceError, "VNP02IMG: the bands at 375 m"),
        (
            {"ShortName": "VNP02GDC"},
            SourceError,
            "VNP02GDC, which is not read. Name the image: V",
        ),
        (
            {"ShortName": "VNP35_L2"},
            SourceError,
            "older mask of clouds.*CLDMSK_L2_VIIRS is read",
        ),
        ({"VersionID": "3"}, SourceError, r"collection 3, whose calibration.*collection 2\.1"),
    ],
)
def test_another_product_band_or_collection(straight, options, kind, message):
    with pytest.raises(kind, match=message):
        obriy.open_scene(straight(**options))


def test_what_may_not_be_said_of_a_granule_and_an_old_collection(straight):
    path = straight(VersionID="001")
    with pytest.raises(UsageError, match="Leave --sensor"):
        obriy.open_scene(path, scale=0.1)
    record = provenance_of(obriy.open_scene(path, area="131.99,42.9,132.05,42.99"))
    assert "collection 1, superseded" in record.warnings[0]
    whole = obriy.open_scene(path)
    assert abs(whole.odc.geobox.affine.a) == 750


def test_what_belongs_to_a_granule_is_told_from_an_image(tmp_path):
    mask = write_clouds(tmp_path / name_of("CLDMSK_L2_VIIRS_SNPP"), np.full((16, 8), 3, "int8"))
    with pytest.raises(
        SourceError,
        match=r"belongs to an image, and is none \(positions, clouds, a second picture\)",
    ):
        find_items([str(mask)], Query(None))
