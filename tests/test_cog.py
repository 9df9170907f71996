"""Maps as cloud-optimised GeoTIFFs: layout, overviews, colours, names, no half files."""

import dataclasses
import json
import os
import subprocess
import sys
import textwrap
import threading
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning
from tests.conftest import utm_grid
from tests.terminal import HANG_S

from obriy.blocks.windows import windows
from obriy.errors import OutputError
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.layers import LAYERS, classes
from obriy.model.legend import Legend, LegendClass
from obriy.outputs.cog import MapWriter, write_class_map, write_layer
from obriy.outputs.styles import write_style

WATER = Legend(
    "water",
    (
        LegendClass(1, "not_water", {"en": "Not water", "uk": "Не вода"}, "#d8d4c8"),
        LegendClass(2, "water", {"en": "Water", "uk": "Вода"}, "#2166ac"),
    ),
)


def _map(labels, geobox=None, fraction=None):
    geobox = geobox or utm_grid(labels.shape)

    def layer(values):
        return xr.DataArray(values, dims=("y", "x"), coords=coords_of(geobox))

    return ClassMap(
        labels=layer(labels),
        legend=WATER,
        fraction=None if fraction is None else layer(fraction),
        time="2019-04-16",
    )


def _open(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path)


def _lake(shape=(1300, 1100), seed=1):
    rows, columns = np.indices(shape)
    lake = (rows - 600) ** 2 / 4 + (columns - 500) ** 2 < 200**2
    labels = np.where(lake, 2, 1).astype("uint8")
    labels[:40] = 0
    noise = np.random.default_rng(seed).random(shape) < 0.02
    labels[noise & (labels > 0)] = 255
    return labels


def test_the_file_is_a_cog_and_holds_the_same_pixels(tmp_path):
    labels = _lake()
    paths = write_class_map(_map(labels), tmp_path)
    assert {name: path.name for name, path in paths.items()} == {
        "mask": "mask.tif",
        "style": "mask.qml",
    }
    with rasterio.open(paths["mask"]) as file:
        np.testing.assert_array_equal(file.read(1), labels)
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "DEFLATE"
        assert file.block_shapes == [(512, 512)]
        assert (file.nodata, file.crs.to_epsg()) == (0, 32636)
        assert file.transform == utm_grid(labels.shape).affine
        assert file.tags()["date"] == "2019-04-16"
        assert file.tags()["TIFFTAG_SOFTWARE"].startswith("obriy ")
        assert file.overviews(1) == [2, 4]


def test_directories_come_before_pixels_and_overviews_before_full_resolution(tmp_path):
    path = write_class_map(_map(_lake()), tmp_path)["mask"]
    with rasterio.open(path) as file:
        first = [
            int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1, ovr=level))
            for level in (1, 0)
        ]
        first.append(int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1)))
        directories = [
            int(file.get_tag_item("IFD_OFFSET", "TIFF", bidx=1, ovr=level)) for level in (0, 1)
        ]
    assert first == sorted(first)
    assert max(directories) < first[0]


def test_overviews_hold_existing_classes_only(tmp_path):
    path = write_class_map(_map(_lake()), tmp_path)["mask"]
    for level in (0, 1):
        with rasterio.open(path, overview_level=level) as file:
            values = file.read(1)
        assert set(np.unique(values)) <= {0, 1, 2, 255}
        assert values[values.shape[0] // 2, values.shape[1] * 5 // 11] == 2
        assert (values == 2).mean() == pytest.approx((_lake() == 2).mean(), rel=0.05)


def test_overviews_of_classes_are_what_most_pixels_are(tmp_path):
    corner = np.zeros((4, 6), "uint8")
    corner[:2] = [[1, 2, 2, 1, 1, 2], [2, 1, 2, 0, 1, 2]]  # 1 2 2 1: twos are first to be two
    corner[2:] = [[1, 2, 0, 255, 0, 0], [0, 255, 255, 255, 0, 0]]  # all once: the first
    labels = np.zeros((1024, 1024), "uint8")
    labels[:4, :6] = corner
    path = write_class_map(_map(labels), tmp_path)["mask"]
    with rasterio.open(path, overview_level=0) as file:
        np.testing.assert_array_equal(file.read(1)[:2, :3], [[2, 2, 1], [1, 255, 0]])


def _overviews_of_gdal(folder, numbers, resampling, **said):
    """Two overviews that GDAL makes of a plain file of these numbers."""
    height, width = numbers.shape
    profile = {"driver": "GTiff", "count": 1, "dtype": numbers.dtype, "height": height}
    profile |= {"width": width, "transform": Affine(10, 0, 0, 0, -10, 0), **said}
    with rasterio.open(folder / "gdal.tif", "w", **profile) as file:
        file.write(numbers, 1)
        file.build_overviews([2, 4], resampling)
    found = []
    for level in (0, 1):
        with rasterio.open(folder / "gdal.tif", overview_level=level) as file:
            found.append(file.read(1))
    return found


@pytest.mark.parametrize("shape", [(2048, 1500), (1201, 1003)])
def test_overviews_of_classes_are_those_of_gdal(shape, tmp_path):
    labels = np.random.default_rng(3).integers(0, 4, shape).astype("uint8")
    path = write_class_map(_map(labels), tmp_path)["mask"]
    for level, theirs in enumerate(_overviews_of_gdal(tmp_path, labels, Resampling.mode)):
        with rasterio.open(path, overview_level=level) as ours:
            np.testing.assert_array_equal(ours.read(1), theirs)


@pytest.mark.parametrize("name", ["fraction", "index"])
def test_overviews_of_quantities_are_those_of_gdal(name, tmp_path):
    layer = LAYERS[name]
    numbers = np.random.default_rng(3).integers(0, 201, (2048, 1504)).astype(layer.dtype)
    numbers[::3, ::2] = layer.missing
    numbers[100:130, 100:130] = layer.missing  # all of what is beneath a pixel
    path = tmp_path / f"{name}.tif"
    with MapWriter(path, utm_grid(numbers.shape), layer) as writer:
        for rows, columns in windows(numbers.shape, 333):
            writer.write(rows, columns, numbers[rows, columns])
    gdals = _overviews_of_gdal(tmp_path, numbers, Resampling.average, nodata=layer.missing)
    for level, theirs in enumerate(gdals):
        with rasterio.open(path, overview_level=level) as ours:
            np.testing.assert_allclose(ours.read(1), theirs, rtol=1e-6)


def test_a_file_too_large_for_a_classic_tiff_is_a_big_one(tmp_path, monkeypatch):
    labels = _lake()
    small = write_class_map(_map(labels), tmp_path / "small")["mask"]
    monkeypatch.setattr("obriy.outputs.tiff._SHORT_OF", 1)
    big = write_class_map(_map(labels), tmp_path / "big")["mask"]
    assert (small.read_bytes()[2], big.read_bytes()[2]) == (42, 43)
    with rasterio.open(small) as one, rasterio.open(big) as other:
        said = [(file.profile, file.tags(), file.tags(1)) for file in (one, other)]
        assert said[0] == said[1]
        assert other.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert one.colormap(1) == other.colormap(1)
    for level in ({}, {"overview_level": 0}, {"overview_level": 1}):
        with rasterio.open(small, **level) as one, rasterio.open(big, **level) as other:
            np.testing.assert_array_equal(one.read(1), other.read(1))


def test_tiles_stand_between_their_size_and_their_last_bytes(tmp_path):
    path = write_class_map(_map(_lake()), tmp_path)["mask"]
    content = path.read_bytes()
    with rasterio.open(path) as file:
        for level in ({}, {"ovr": 0}, {"ovr": 1}):
            at, size = (
                int(file.get_tag_item(f"BLOCK_{item}_0_0", "TIFF", bidx=1, **level))
                for item in ("OFFSET", "SIZE")
            )
            assert int.from_bytes(content[at - 4 : at], "little") == size
            assert content[at + size - 4 : at + size] == content[at + size : at + size + 4]


def test_what_nobody_wrote_says_nothing(tmp_path):
    geobox = utm_grid((1100, 700))
    for layer in (classes(WATER), LAYERS["fraction"], LAYERS["unseen"]):
        path = tmp_path / f"{layer.name}.tif"
        with MapWriter(path, geobox, layer) as writer:
            writer.write(slice(500, 530), slice(0, 700), np.full((30, 700), 2, "uint8"))
        with rasterio.open(path) as file:
            values = file.read(1)
        assert (values[500:530] == 2).all()
        assert set(np.unique(values[:500])) | set(np.unique(values[530:])) == {layer.missing}


def test_windows_that_cut_between_four_pixels_have_the_same_overviews(tmp_path):
    labels = np.random.default_rng(4).integers(0, 3, (1200, 1100)).astype("uint8")
    layer, geobox = classes(WATER), utm_grid(labels.shape)
    for name, size in (("even", 512), ("odd", 333)):
        with MapWriter(tmp_path / f"{name}.tif", geobox, layer) as writer:
            for rows, columns in windows(labels.shape, size):
                writer.write(rows, columns, labels[rows, columns])
    assert (tmp_path / "even.tif").read_bytes() == (tmp_path / "odd.tif").read_bytes()


def test_tiles_of_codes_that_tell_nothing_are_left_out_of_the_file(tmp_path):
    causes = np.zeros((2048, 2048), "uint8")
    causes[600:620, 700:900] = 2
    array = _map(causes).labels
    path = write_layer(array, tmp_path / "unseen.tif", LAYERS["unseen"])
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), causes)
        tiles = [file.get_tag_item(f"BLOCK_OFFSET_{i}_{j}", "TIFF", bidx=1) is not None
                 for j in range(4) for i in range(4)]  # fmt: skip
    assert sum(tiles) == 1
    with rasterio.open(path, overview_level=0) as file:
        np.testing.assert_array_equal(file.read(1), causes[::2, ::2])


def test_what_passes_between_stages_has_no_overviews(tmp_path):
    array = _map(_lake()).labels
    layer = dataclasses.replace(classes(WATER), overviews="none")
    path = write_layer(array, tmp_path / "passing.tif", layer)
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), array)
        assert file.overviews(1) == []
        assert file.nodata == 0
        assert max(array.shape) > file.block_shapes[0][0] > 1


def test_a_mean_of_an_odd_side_is_of_as_much_as_lies_beneath(tmp_path):
    fraction = np.random.default_rng(1).integers(0, 201, (1025, 777)).astype("uint8")
    path = write_class_map(_map(np.ones_like(fraction), fraction=fraction), tmp_path)["fraction"]
    wanted = fraction.astype(float)
    for _ in range(2):  # integrals over each footprint: of rows, and then of columns
        rows = wanted.shape[0]
        edges = np.linspace(0, rows, -(-rows // 2) + 1)
        below = np.concatenate([np.zeros((1, wanted.shape[1])), wanted.cumsum(axis=0)])
        at = [np.interp(edges, np.arange(rows + 1), column) for column in below.T]
        wanted = np.diff(at, axis=1) / np.diff(edges)  # transposed: the other side comes next
    with rasterio.open(path, overview_level=0) as file:
        np.testing.assert_allclose(file.read(1), wanted, atol=0.51)


def test_overviews_of_fractions_are_means_of_what_is_known(tmp_path):
    fraction = np.full((1024, 1024), 255, "uint8")
    fraction[:, 0::2] = 100
    fraction[512:, 1::2] = 200
    labels = np.ones_like(fraction)
    path = write_class_map(_map(labels, fraction=fraction), tmp_path)["fraction"]
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), fraction)
        assert (file.nodata, file.scales, file.units) == (255, (0.5,), ("%",))
        assert file.tags(1)["units"] == "half per cent"
    with rasterio.open(path, overview_level=0) as file:
        values = file.read(1)
    assert set(np.unique(values[:256])) == {100}, "missing pixels were averaged in"
    assert set(np.unique(values[256:])) == {150}


def test_names_and_colours_survive(tmp_path):
    path = write_class_map(_map(_lake()), tmp_path, lang="uk")["mask"]
    with rasterio.open(path) as file:
        table = file.colormap(1)
        assert table[2] == (0x21, 0x66, 0xAC, 255)
        legend = json.loads(file.tags(1)["legend"])
        assert legend["classes"][1]["name"] == "water"
        # The way GDAL, and QGIS through it, sees class names.
        rasterio.shutil.copy(file, tmp_path / "seen.vrt", driver="VRT")
    seen = ET.parse(tmp_path / "seen.vrt").getroot()
    assert [c.text for c in seen.iter("Category")] == ["Немає даних", "Не вода", "Вода"]
    rows = [[f.text for f in row] for row in seen.iter("Row")]
    assert rows[1] == ["2", "Вода", "33", "102", "172"]


def test_the_qgis_style_names_every_class(tmp_path):
    path = write_style(tmp_path / "mask.qml", classes(WATER), "uk")
    entries = [e.attrib for e in ET.parse(path).getroot().iter("paletteEntry")]
    assert [(e["value"], e["label"]) for e in entries] == [
        ("1", "Не вода"),
        ("2", "Вода"),
        ("255", "Не визначено"),
    ]
    assert entries[1]["color"] == "#2166ac"


def test_threads_write_in_any_order(tmp_path):
    labels = _lake((1500, 1700))
    parts = list(windows(labels.shape, 400))
    np.random.default_rng(3).shuffle(parts)
    with MapWriter(tmp_path / "mask.tif", utm_grid(labels.shape), classes(WATER)) as writer:

        def work(mine):
            for rows, columns in mine:
                writer.write(slice(*rows.indices(9999)[:2]), columns, labels[rows, columns])

        threads = [threading.Thread(target=work, args=(parts[i::4],)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with rasterio.open(tmp_path / "mask.tif") as file:
        np.testing.assert_array_equal(file.read(1), labels)


@pytest.mark.parametrize(
    ("shape", "affine", "crs"),
    [
        ((1, 1), Affine(10, 0, 5e5, 0, -10, 5.2e6), "EPSG:32636"),
        ((5, 300), Affine.identity(), None),
        ((40, 30), Affine(1, 0, 0, 0, -1, 40), None),
        ((600, 30), Affine.translation(30, 50) * Affine.rotation(20) * Affine.scale(0.1), None),
        ((600, 30), Affine.rotation(20) * Affine.scale(10, -10), "EPSG:32636"),
        ((40, 30), Affine(0.01, 0, 30, 0, 0.01, 50), "EPSG:4326"),
    ],
)
def test_any_grid_comes_back(tmp_path, shape, affine, crs):
    labels = np.full(shape, 2, "uint8")
    with MapWriter(tmp_path / "mask.tif", GeoBox(shape, affine, crs), classes(WATER)) as writer:
        writer.write(slice(0, shape[0]), slice(0, shape[1]), labels)
    with _open(tmp_path / "mask.tif") as file:
        assert file.transform.almost_equals(affine, 1e-9)
        assert (file.crs is None) == (crs is None)
        np.testing.assert_array_equal(file.read(1), labels)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_map_leaves_nothing(tmp_path, error):
    def work():
        with MapWriter(tmp_path / "mask.tif", utm_grid((700, 700)), classes(WATER)) as writer:
            writer.write(slice(0, 512), slice(0, 512), np.ones((512, 512), "uint8"))
            raise error

    with pytest.raises(error):
        work()
    assert list(tmp_path.iterdir()) == []


FULL = """
    import resource, signal, sys
    import numpy as np
    from obriy.errors import OutputError
    from obriy.outputs.cog import MapWriter
    from affine import Affine
    from odc.geo.geobox import GeoBox
    from obriy.model.layers import LAYERS, classes
    from obriy.model.legend import Legend, LegendClass
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write past the limit fails with EFBIG
    values = np.random.default_rng(0).integers(0, 3, (4096, 4096), "uint8")
    limit = int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        grid = GeoBox(values.shape, Affine(10, 0, 5e5, 0, -10, 5.2e6), "EPSG:32636")
        legend = Legend("water", (LegendClass(2, "water", {"en": "Water"}, "#2166ac"),))
        with MapWriter(sys.argv[1], grid, classes(legend)) as writer:
            writer.write(slice(0, 4096), slice(0, 4096), values)
    except OutputError as error:
        print(error)
"""


@pytest.mark.parametrize("limit", [1_000, 1_000_000, 5_000_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, limit):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), str(tmp_path / "mask.tif"), str(limit)],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
        env=os.environ | {"GDAL_CACHEMAX": "8"},
    )
    assert done.returncode == 0, done.stderr
    assert "mask.tif could not be written" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="could not be written"):
        write_class_map(_map(_lake((10, 10))), tmp_path / "out")
