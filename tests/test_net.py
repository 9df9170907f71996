"""Files of the network: what is needed is fetched once, kept, and never a number where it lacks."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window
from tests.servers.faults import FAULTS, faulty, first
from tests.servers.running import serving_files

from obriy import settings as obriy_settings
from obriy.blocks.damage import read_around
from obriy.blocks.gdal import open_raster
from obriy.blocks.raster import RasterBand, file_geobox, lazy_variable
from obriy.errors import RemoteError, SourceError
from obriy.net import remote
from obriy.net.client import client

SIDE, TILE = 1024, 128


def set_up(monkeypatch, folder, **told):
    """Start as a new process would, with its own settings; return nothing of the last behind."""
    usual = {"cache": folder, "net_wait_s": 0, "net_longest_wait_s": 0.1, "net_silence_s": 0.5,
             "net_deadline_s": 1}  # fmt: skip
    for name, value in (usual | told).items():
        monkeypatch.setenv(f"OBRIY_{name.upper()}", str(value))
    anew()


def anew():
    obriy_settings.settings.cache_clear()
    client.cache_clear()
    remote.let_go()


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    set_up(monkeypatch, tmp_path / "cache")
    yield
    monkeypatch.undo()
    anew()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    rng = np.random.default_rng(5)
    array = (rng.normal(0, 1, (2, SIDE, SIDE)).cumsum(1) * 10 + 3000).astype("uint16")
    kinds = {
        "cog.tif": {"driver": "COG", "compress": "deflate", "blocksize": TILE},
        "strips.tif": {"driver": "GTiff"},
        "tiles.tif": {"driver": "GTiff", "tiled": True, "blockxsize": TILE, "blockysize": TILE,
                      "interleave": "band"},
        "big.tif": {"driver": "GTiff", "tiled": True, "blockxsize": TILE, "blockysize": TILE,
                    "bigtiff": "yes", "compress": "lzw", "endianness": "big"},
        "image.jp2": {"driver": "JP2OpenJPEG", "reversible": "yes", "quality": "100"},
    }  # fmt: skip
    for name, options in kinds.items():
        with rasterio.open(
            folder / name, "w", dtype="uint16", count=2, width=SIDE, height=SIDE, nodata=0,
            crs="EPSG:32636", transform=Affine(10, 0, 500_000, 0, -10, 5_200_000), **options,
        ) as file:  # fmt: skip
            file.write(array)
    return folder


@pytest.fixture
def server(folder):
    with serving_files(folder) as server:
        yield server


@pytest.mark.parametrize("name", ["cog.tif", "strips.tif", "tiles.tif", "big.tif", "image.jp2"])
def test_a_window_of_a_remote_file_is_that_of_the_local_one(server, folder, name):
    windows = [Window(0, 0, 10, 10), Window(300, 500, 200, 90), Window(1000, 1000, 24, 24)]
    with (
        open_raster(folder / name) as own,
        open_raster(f"{server.url}/{name}", network=True) as far,
    ):
        for window in windows:
            assert (far.read(window=window) == own.read(window=window)).all()
            assert (far.read_masks(2, window=window) == own.read_masks(2, window=window)).all()
        for shape in [(512, 512), (300, 300), (140, 128), (100, 40)]:
            assert (far.read(1, out_shape=shape) == own.read(1, out_shape=shape)).all()


def test_only_what_is_needed_is_fetched_and_once(server, folder):
    """The tiles of a window and the head, as the file itself says their sizes."""
    window = Window(400, 400, 100, 100)  # tile 3, 3 of either band
    with rasterio.open(folder / "cog.tif") as file:
        tile = int(file.get_tag_item("BLOCK_SIZE_3_3", "TIFF", 1))
    for _ in range(2):
        with open_raster(f"{server.url}/cog.tif", network=True) as far:
            far.read(window=window)
        anew()  # another process, another day
    spans = [asked.span for asked in server.asked]
    assert len(spans) == 2
    assert sum(stop - start for start, stop in spans) <= remote.HEAD + tile + 12


def test_what_was_read_is_read_again_with_the_network_off(folder):
    band = {}
    with serving_files(folder) as server:
        address = f"{server.url}/cog.tif"
        with open_raster(address, network=True) as far:
            grid = file_geobox(far)
        lazy = lazy_variable(RasterBand(address, network=True), grid)
        band["on"] = lazy[:200, :200].to_numpy()
    anew()
    lazy = lazy_variable(RasterBand(address, network=True), grid)
    assert (lazy[:200, :200].to_numpy() == band["on"]).all()
    values, holes = read_around(lazy, slice(0, 1024), slice(0, 256))
    assert np.isnan(values[512:]).all()
    assert not np.isnan(values[:128]).any()
    assert {hole.rows.start for hole in holes} == set(range(256, 1024, TILE))
    assert all(address in hole.reason and "nothing answers there" in hole.reason for hole in holes)
    with pytest.raises(SourceError, match="nothing answers there"):
        lazy[800:, :].to_numpy()


PASSING = sorted(set(FAULTS) - {"expired"})


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_tried_again(server, folder, name):
    window = Window(300, 500, 200, 90)
    with (
        faulty(server.port, first(2, name)) as proxy,
        open_raster(f"{proxy.url}/cog.tif", network=True) as far,
        open_raster(folder / "cog.tif") as near,
    ):
        assert (far.read(window=window) == near.read(window=window)).all()
    assert proxy.met[name] >= 2
    assert client().traffic.again == (0 if name == "late" else proxy.met[name])


@pytest.mark.parametrize("name", ["busy", "page", "slow", "nameless"])
def test_what_does_not_pass_is_an_error_that_says_why(server, monkeypatch, tmp_path, name):
    set_up(monkeypatch, tmp_path / "cache", net_tries=2)
    why = {"busy": "503", "page": "HTML", "slow": "longer than 1 s", "nameless": "name"}
    with (
        faulty(server.port, first(9, name)) as proxy,
        pytest.raises(RemoteError, match=why[name]) as told,
    ):
        remote.remote_file(f"{proxy.url}/cog.tif")
    assert proxy.met[name] == 2
    assert "tried 2 times" in str(told.value)
