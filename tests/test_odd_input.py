"""What a user can meet is one clear line, exit code 1 or 2: never "Unexpected ..., report it"."""

import json
import os

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.errors import GeometryError, GridError, ObriyError, UsageError
from obriy.model.place import check_place, doubt_of_place
from obriy.sources import open_scene
from obriy.sources.districts import read_districts
from terminal import error_line, obriy

SIDE = 40
NAMES = ("green", "nir", "swir16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with an image ``img.tif`` of water on the left."""
    folder = tmp_path_factory.mktemp("odd")
    values = np.full((len(NAMES), SIDE, SIDE), 3000, "uint16")
    values[:, :, :20] = np.array([900, 300, 100], "uint16")[:, None, None]
    values += np.random.default_rng(0).integers(0, 50, values.shape).astype("uint16")
    with rasterio.open(
        folder / "img.tif", "w", driver="GTiff", count=len(NAMES), height=SIDE, width=SIDE,
        dtype="uint16", crs="EPSG:32636", transform=Affine(10, 0, 5e5, 0, -10, 5.2e6),
    ) as dataset:  # fmt: skip
        dataset.write(values)
        for number, name in enumerate(NAMES, 1):
            dataset.set_band_description(number, name)
    return folder


def placed(folder, place, crs="EPSG:32636"):
    """A VRT that lays the image elsewhere; return its path."""
    bands = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{n}"><Description>{name}</Description>'
        '<SimpleSource><SourceFilename relativeToVRT="1">img.tif</SourceFilename>'
        f"<SourceBand>{n}</SourceBand></SimpleSource></VRTRasterBand>"
        for n, name in enumerate(NAMES, 1)
    )
    file = folder / f"{abs(hash((place, crs)))}.vrt"
    file.write_text(
        f'<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}">'
        f"<SRS>{crs.replace(chr(34), '&quot;')}</SRS><GeoTransform>{place}</GeoTransform>"
        f"{bands}</VRTDataset>"
    )
    return file


MOON = (
    'GEOGCS["Moon",DATUM["Moon",SPHEROID["Moon",1737400,0]],PRIMEM["x",0],'
    'UNIT["degree",0.0174532925199433]]'
)


@pytest.mark.parametrize(
    ("place", "crs", "says"),
    [
        ("500000,nan,0,5200000,0,nan", "EPSG:32636", "are no numbers"),
        ("nan,10,0,5200000,0,-10", "EPSG:32636", "are no numbers"),
        ("500000,inf,0,5200000,0,-inf", "EPSG:32636", "are no numbers"),
        ("inf,10,0,5200000,0,-10", "EPSG:32636", "are no numbers"),
        ("500000,0,0,5200000,0,-10", "EPSG:32636", "which is no size"),
        ("500000,1e-300,0,5200000,0,-1e-300", "EPSG:32636", "which is no size"),
        ("500000,1e300,0,5200000,0,-1e300", "EPSG:32636", "which is no size"),
        ("500000,10,10,5200000,10,10", "EPSG:32636", "pixels without an area"),
        ("5e12,10,0,5e12,0,-10", "EPSG:32636", "lies nowhere on the Earth"),
        ("33,0.0001,0,120,0,-0.0001", "EPSG:4326", "reaches latitude 120"),
        ("500000,10,0,5200000,0,-10", "EPSG:4326", "reaches latitude 5.2e+06"),
        ("5200000,10,0,45,0,-0.0001", "EPSG:4326", "reaches longitude"),
        ("0,30,0,90,0,-30", "EPSG:4326", "reaches latitude -1110"),
        ("500000,10,0,5200000,0,-10", 'LOCAL_CS["x",UNIT["metre",1]]', "not tied to the Earth"),
        ("500000,10,0,5200000,0,-10", "EPSG:4978", "not tied to the Earth"),
        ("500000,10,0,5200000,0,-10", "EPSG:5703", "not tied to the Earth"),
        ("33,0.001,0,46,0,-0.001", MOON, "another body than the Earth"),
        ("500000,10,0,5200000,0,-10", "IAU_2015:49910", "another body than the Earth"),
        ("33,1,0,46,0,-1", "+proj=ob_tran +o_proj=longlat +o_lat_p=40", "cannot be used"),
    ],
)
def test_an_image_that_lies_nowhere(folder, tmp_path, place, crs, says):
    file = placed(folder, place, crs)
    line = error_line(obriy("water", file, "--out", tmp_path / "out", "-q"), 1)
    assert says in line
    assert file.name in line
    assert "gdal_edit" in line
    assert not (tmp_path / "out" / "mask.tif").exists()
    with pytest.raises(GridError):
        open_scene(file)


@pytest.mark.parametrize(
    ("place", "crs"),
    [
        ("0,0.1,0,90.05,0,-0.1", "EPSG:4326"),  # centres of pixels on the pole
        ("355,0.1,0,46,0,-0.1", "EPSG:4326"),  # longitudes from 0
        ("33,0.001,0,46,0,-0.001", "EPSG:4807"),  # grads, of Paris
        ("0,1000,0,0,0,-1000", "EPSG:3413"),
        ("500000,0,10,5200000,10,0", "EPSG:32636"),  # turned by a right angle
        ("500000,10,0,-3900000,0,-10", "EPSG:32636"),  # south of the equator, as Landsat has it
    ],
)
def test_an_image_that_lies_somewhere(folder, place, crs):
    assert "no_place" not in open_scene(placed(folder, place, crs)).attrs


def test_a_grid_far_from_where_its_crs_is_used_is_told(folder):
    swapped = placed(folder, "5200000,10,0,500000,0,-10")
    told = open_scene(swapped).attrs["provenance"].warnings
    assert any("x and y may be swapped" in text for text in told)
    told = open_scene(folder / "img.tif").attrs["provenance"].warnings
    assert not any("swapped" in text for text in told)


def grid(x, y, crs, step=10.0):
    return GeoBox((SIDE, SIDE), Affine(step, 0, x, 0, -step, y), crs)


def test_doubts_of_a_place():
    # Zone 36 of UTM holds 30 to 36 degrees east; 3500 km east of its middle meridian are, at the
    # equator, atan(sinh(3.5e6 / 6.367e6 / 0.9996)) = 30 degrees or so of longitude: 27 beyond.
    assert doubt_of_place(grid(5e5, 5.2e6, "EPSG:32636")) == ""
    assert "32636" in doubt_of_place(grid(4e6, 0, "EPSG:32636"))
    usual = [(0, 0, "EPSG:3857"), (1.9e7, 0, "EPSG:3857"), (0, 0, "EPSG:3413")]
    usual += [(3.2e6, 4.3e6, "EPSG:3035"), (0, 0, "+proj=sinu +R=6371007.181")]
    for ordinary in (grid(*place) for place in usual):
        assert check_place(ordinary, "a") is ordinary
        assert doubt_of_place(ordinary) == ""


@pytest.mark.parametrize("value", ["inf", "-inf", "1e400"])
def test_no_number_of_an_image_is_infinite(folder, tmp_path, value):
    line = error_line(obriy("water", folder / "img.tif", f"--nodata={value}", "--out", tmp_path), 2)
    assert "--nodata: infinity is no number of an image" in line
    with pytest.raises(UsageError):
        open_scene(folder / "img.tif", nodata=float(value))


@pytest.mark.parametrize("job", ["water", "landcover"])
def test_nan_may_be_named_as_missing(folder, tmp_path, job):
    """It always is: naming it says that no number is."""
    out = tmp_path / "out"
    for _ in range(2):  # and the run goes on from its own configuration
        done = obriy(job, folder / "img.tif", "--nodata", "nan", "--out", out, "-q")
        assert done.returncode == 0, done.stderr
    json.loads((out / "result.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    plain = open_scene(folder / "img.tif")
    named = open_scene(folder / "img.tif", nodata=float("nan"))
    assert (plain["nir"].to_numpy() == named["nir"].to_numpy()).all()


def test_nan_in_place_of_what_the_file_declares(folder, tmp_path):
    with rasterio.open(folder / "img.tif") as dataset:
        values, profile, names = dataset.read(), dataset.profile, dataset.descriptions
    values[:, :4, :4] = 250
    with rasterio.open(tmp_path / "a.tif", "w", **{**profile, "nodata": 250}) as dataset:
        dataset.write(values)
        dataset.descriptions = names
    assert np.isnan(open_scene(tmp_path / "a.tif")["nir"].to_numpy()).sum() == 16
    shown = open_scene(tmp_path / "a.tif", nodata=float("nan"))["nir"].to_numpy()
    assert not np.isnan(shown).any()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--max-ram", "inf"), ("--max-ram", "nan"), ("--max-ram", "1e300"), ("--scale", "nan"),
     ("--offset", "inf"), ("--resolution", "nan"), ("--resolution", "inf"), ("--workers", "-3")],
)  # fmt: skip
def test_numbers_that_cannot_be_meant(folder, tmp_path, option, value):
    line = error_line(obriy("water", folder / "img.tif", option, value, "--out", tmp_path), 2)
    assert option in line


@pytest.mark.parametrize(
    ("name", "value"),
    [("WORKERS", "-3"), ("WORKERS", "many"), ("MAX_RAM_GB", "inf"), ("MAX_RAM_GB", "0"),
     ("LANG", "de")],
)  # fmt: skip
def test_settings_out_of_range(folder, tmp_path, name, value):
    words = ("water", folder / "img.tif", "--out", tmp_path / "out")
    line = error_line(obriy(*words, env={**os.environ, f"OBRIY_{name}": value}), 2)
    assert line.startswith(f"error: OBRIY_{name}: ")
    assert "unset it" in line
    assert not (tmp_path / "out").exists()


def test_a_setting_that_is_empty_is_none(folder, tmp_path):
    env = {**os.environ, "OBRIY_WORKERS": "", "OBRIY_MAX_RAM_GB": ""}
    done = obriy("water", folder / "img.tif", "--out", tmp_path, "-q", env=env)
    assert done.returncode == 0, done.stderr


RING = "[[[33,46.9],{},[33.02,46.95],[33,46.9]]]"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f'{{"type":"Polygon","coordinates":{RING.format("[NaN,46.95]")}}}', "no numbers"),
        (f'{{"type":"Polygon","coordinates":{RING.format("[1e400,46.95]")}}}', "no numbers"),
        (f'{{"type":"Polygon","coordinates":{RING.format("[1e300,46.95]")}}}', "beyond all"),
        ('{"type":"Polygon","coordinates":[[[33,46],[34,47]]]}', "no vector file that can be read"),
        ('{"type":"Polygon","coordinates":[[[46,120],[47,121],[46,121],[46,120]]]}',
         "reaches latitude 121"),
        ("{}", "no vector file that can be read"),
        ("", "no vector file that can be read"),
    ],
)  # fmt: skip
def test_districts_that_are_no_place(folder, tmp_path, text, says):
    file = tmp_path / "aoi.geojson"
    file.write_text(text)
    words = ("water", folder / "img.tif", "--aoi", file, "--out", tmp_path / "out")
    assert says in error_line(obriy(*words), 1)
    with pytest.raises(ObriyError, match=says):
        read_districts(str(file))


def test_districts_in_degrees_of_another_kind(tmp_path):
    import geopandas as gpd
    import shapely

    frame = gpd.GeoDataFrame(geometry=[shapely.box(40, 95, 41, 99)], crs="EPSG:4807")
    frame.to_file(tmp_path / "a.gpkg")  # 99 grads are 89.1 degrees
    assert len(read_districts(str(tmp_path / "a.gpkg"))) == 1
    frame.set_crs("EPSG:4326", allow_override=True).to_file(tmp_path / "b.gpkg")
    with pytest.raises(GeometryError, match="reaches latitude 99"):
        read_districts(str(tmp_path / "b.gpkg"))


@pytest.mark.parametrize("words", [("water", "bad\udcff.tif"), ("run", "bad\udcff.yaml"),
                                   ("evaluate", "bad\udcff.tif", "a.tif"),
                                   ("sample", "bad\udcff.tif"), ("ice", "bad\udcff"),
                                   ("water", "sample:", "--aoi", "bad\udcff.gpkg")])  # fmt: skip
def test_names_that_are_not_utf_8(words):
    line = error_line(obriy(*words), 2)
    assert "bad\\udcff" in line
    assert "is a name that is not UTF-8" in line


@pytest.mark.parametrize("name", ["\\udcff", "a\\0b"])
def test_names_in_a_configuration_that_are_no_text(tmp_path, name):
    (tmp_path / "config.yaml").write_text(f'job: water\nsource: "{name}"\n')
    assert "is a name that is not UTF-8" in error_line(obriy("run", tmp_path / "config.yaml"), 2)


@pytest.mark.parametrize(
    "text", ["job: [water]\n", "job: {a: 1}\n", "1: 2\njob: water\n", "- 1\n", "[" * 3000,
             "job: water\ndatetime: 2025-99-99\n", "job: water\nsource: [1]\n"]
)  # fmt: skip
def test_configurations_that_are_none(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    error_line(obriy("run", tmp_path / "config.yaml"), 2)


def test_a_folder_on_a_path_that_is_not_utf_8(folder, tmp_path):
    inside = tmp_path / "bad\udcff"
    inside.mkdir()
    (inside / "img.tif").write_bytes((folder / "img.tif").read_bytes())
    line = error_line(obriy("water", "img.tif", "--out", "out", cwd=inside), 2)
    assert "not UTF-8" in line


def test_a_neighbour_whose_name_is_not_utf_8_does_no_harm(folder, tmp_path):
    (tmp_path / "img.tif").write_bytes((folder / "img.tif").read_bytes())
    (tmp_path / "bad\udcff.tif").write_bytes((folder / "img.tif").read_bytes())
    for _ in range(2):
        done = obriy("water", tmp_path / "img.tif", "--out", tmp_path / "out", "-q")
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "result.json").exists()


@pytest.mark.parametrize("size", ["1e-8", "1e-300", "5e-324"])
def test_pixels_too_small_to_count(folder, tmp_path, size):
    words = ("water", folder / "img.tif", "--resolution", size, "--out", tmp_path / "out")
    done = obriy(*words)
    assert done.returncode in (1, 2)
    assert "Unexpected" not in done.stderr


def test_names_that_are_too_long(folder):
    long = "x" * 300
    for words in (("water", long), ("water", folder / "img.tif", "--aoi", f"{long}.gpkg"),
                  ("run", long), ("evaluate", long, long)):  # fmt: skip
        done = obriy(*words)
        assert done.returncode in (1, 2)
        assert "File name too long" in done.stderr
        assert "Unexpected" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_files_that_may_not_be_read(folder, tmp_path):
    locked = tmp_path / "locked"
    locked.write_text("{}")
    locked.chmod(0)
    shut = tmp_path / "shut"
    shut.mkdir(mode=0)
    own = folder / "img.tif"
    for words in (("water", locked), ("water", own, "--aoi", locked), ("run", locked),
                  ("water", own, "--reference", locked), ("evaluate", locked, own),
                  ("water", own, "--aoi", shut / "a.gpkg"), ("water", shut / "a.tif"),
                  ("water", own, "--out", shut / "out")):  # fmt: skip
        done = obriy(*words)
        assert done.returncode in (1, 2)
        assert "Permission denied" in done.stderr or "is not readable" in done.stderr
        assert "Unexpected" not in done.stderr


def test_what_the_system_does_is_said_as_our_own_errors_are(tmp_path):
    from obriy.cli.explain import explained

    assert explained(ValueError("a fault of ours")) is None
    told = explained(PermissionError(13, "Permission denied", str(tmp_path / "a")))
    assert str(told).startswith(f"{tmp_path / 'a'}: Permission denied. Ask for permission")
    outer = RuntimeError("around")
    outer.__cause__ = OSError(28, "No space left on device")
    assert "Free some space" in str(explained(outer))
    assert "no memory left" in str(explained(MemoryError()))
    assert "no home folder" in str(explained(RuntimeError("Could not determine home directory.")))


def test_a_proj_without_its_database(folder, tmp_path):
    from terminal import spawn

    env = {**os.environ, "PROJ_DATA": str(tmp_path), "PROJ_LIB": str(tmp_path)}
    done = spawn("water", folder / "img.tif", "--out", tmp_path / "out", "-q", env=env)
    line = error_line(done, 1)  # the one line: nothing of GDAL's stands before it
    assert line.startswith("error: PROJ does not find its database")
    assert "PROJ_DATA" in line


def test_a_link_to_nothing(tmp_path):
    (tmp_path / "a.tif").symlink_to("gone.tif")
    for words in (("water", tmp_path / "a.tif"), ("water", "sample:", "--aoi", tmp_path / "a.tif")):
        line = error_line(obriy(*words, "--out", tmp_path / "out"), 1)
        assert "is a link to gone.tif, which is not there" in line
        assert "Did you mean" not in line


def test_what_is_no_file(folder, tmp_path):
    os.mkfifo(tmp_path / "pipe.tif")
    own = folder / "img.tif"
    for words in (("water", tmp_path / "pipe.tif"), ("water", own, "--aoi", tmp_path / "pipe.tif"),
                  ("water", own, "--reference", tmp_path / "pipe.tif"),
                  ("evaluate", tmp_path / "pipe.tif", own), ("water", own, "--aoi", tmp_path),
                  ("sample", tmp_path / "pipe.tif")):  # fmt: skip
        done = obriy(*words)  # and it does not wait for somebody to write
        assert done.returncode == 1
        assert "Unexpected" not in done.stderr


def test_a_home_that_nobody_has(folder, tmp_path):
    words = ("water", folder / "img.tif", "--aoi", "~nobodyhere/a.gpkg", "--out", tmp_path / "out")
    assert "no home folder of that user" in error_line(obriy(*words), 2)
    done = obriy("water", folder / "img.tif", "--out", "~/run", "-q", cwd=tmp_path,
                 env={**os.environ, "HOME": str(tmp_path)})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "mask.tif").exists()


@pytest.mark.parametrize(
    "tag",
    [
        "hello", "[]", "5", '{"classes": 5}', '{"classes": [{"code": 300, "name": "water"}]}',
        '{"classes": [{"code": -1, "name": "water"}]}', '{"legend": ["water"], "classes": []}',
        '{"classes": [{"code": NaN, "name": "a"}]}', '{"classes": [{"code": 1e400, "name": "a"}]}',
    ],
)  # fmt: skip
def test_tags_of_a_map_that_somebody_else_wrote(tmp_path, tag):
    values = np.ones((1, SIDE, SIDE), "uint8")
    values[:, :, 20:] = 2
    with rasterio.open(
        tmp_path / "map.tif", "w", driver="GTiff", count=1, height=SIDE, width=SIDE, dtype="uint8",
        crs="EPSG:32636", transform=Affine(10, 0, 5e5, 0, -10, 5.2e6), nodata=0,
    ) as dataset:  # fmt: skip
        dataset.write(values)
        dataset.update_tags(legend=tag, sources=tag)
    file = tmp_path / "map.tif"
    sampled = ("sample", file, "--size", "20", "--out", tmp_path / "out")
    for words in (("evaluate", file, file), sampled):
        done = obriy(*words)
        assert "Unexpected" not in done.stderr
        assert done.returncode in (0, 1, 2)
