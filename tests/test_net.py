"""Files of the network: what is needed is fetched once, kept, and never a number where it lacks."""

import struct
import threading

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from tests.servers.faults import FAULTS, faulty, first
from tests.servers.running import running, serving_files
from tests.test_engine import Neighbours, accept, keep

from obriy import settings as obriy_settings
from obriy.blocks.damage import read_around
from obriy.blocks.engine import run_methods
from obriy.blocks.gdal import open_raster
from obriy.blocks.options import EngineOptions
from obriy.blocks.raster import RasterBand, file_geobox, lazy_variable
from obriy.errors import CancelledError, RemoteError, SourceError
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.net import cache, remote, tiff
from obriy.net.client import client, drop_client
from obriy.sources.reading import FileBand
from obriy.sources.sampled import look

SIDE, TILE = 1024, 128


def classes(folder):
    """Write classes of 20 m, uncompressed: zeros there are a class like any other."""
    rng = np.random.default_rng(6)
    path = folder / "classes.tif"
    with rasterio.open(
        path, "w", driver="GTiff", dtype="uint8", count=1, width=600, height=600, tiled=True,
        blockxsize=128, blockysize=128, crs="EPSG:32636",
        transform=Affine(20, 0, 499_000, 0, -20, 5_201_000),
    ) as file:  # fmt: skip
        file.write(rng.integers(1, 12, (1, 600, 600)).astype("uint8"))
    return path


def set_up(monkeypatch, folder, **told):
    """Start as a new process would, with its own settings; return nothing of the last behind."""
    usual = {"cache": folder, "net_wait_s": 0, "net_longest_wait_s": 0.1, "net_silence_s": 60,
             "net_deadline_s": 60}  # fmt: skip
    for name, value in (usual | told).items():
        monkeypatch.setenv(f"OBRIY_{name.upper()}", str(value))
    anew()


def anew():
    cache.read_anew(False)
    obriy_settings.settings.cache_clear()
    drop_client()
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
    assert sum(stop - start for start, stop in spans) <= remote.HEAD + tile + 2 * 4096


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


@pytest.mark.parametrize("name", ["cog.tif", "tiles.tif", "strips.tif"])
@pytest.mark.parametrize("order", [1, -1, 5])
def test_tiles_are_right_in_whatever_order_they_come(server, folder, name, order):
    """GDAL reads through a buffer: what it read beside a tile, it does not read again."""
    with (
        open_raster(folder / name) as own,
        open_raster(f"{server.url}/{name}", network=True) as far,
    ):
        for number in range(0, 64 * order, order):
            row, column = divmod(number % 64, 8)
            window = Window(column * TILE, row * TILE, TILE, TILE)
            for band in (1, 2):
                assert (far.read(band, window=window) == own.read(band, window=window)).all()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_pixels_of_another_grid_are_those_of_the_local_file(server, folder, dtype):
    """Of classes the tiles do not show that they were not fetched; nothing may be made of that."""
    path = classes(folder)
    with open_raster(folder / "cog.tif") as file:
        grid = file_geobox(file)
    kind = {"dtype": dtype, "resampling": "nearest" if dtype == "uint8" else "bilinear"}
    near = lazy_variable(RasterBand(str(path), **kind), grid)
    far = lazy_variable(RasterBand(f"{server.url}/classes.tif", network=True, **kind), grid)
    for rows, columns in [(slice(0, 100), slice(0, 100)), (slice(500, 700), slice(900, 1024))]:
        own, other = near[rows, columns].to_numpy(), far[rows, columns].to_numpy()
        assert np.array_equal(own, other, equal_nan=True)
        assert (own > 0).any()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_tiles_that_do_not_come_are_holes_and_their_neighbours_are_read(
    server, folder, dtype, monkeypatch, tmp_path
):
    set_up(monkeypatch, tmp_path / "cache", net_tries=1)
    with rasterio.open(folder / "cog.tif") as file:
        lost = int(file.get_tag_item("BLOCK_OFFSET_2_1", "TIFF", 1))

    def fault(path, span, n):
        first, last = map(int, span.removeprefix("bytes=").split("-"))
        return "busy" if first <= lost + 20_000 < last and first > 0 else None

    kind = {"dtype": dtype, "resampling": "nearest", "missing": (0,)}
    with open_raster(folder / "cog.tif") as file:
        own = file_geobox(file)
    for grid in (own, own.pad(3)):
        with faulty(server.port, fault) as proxy:
            band = RasterBand(f"{proxy.url}/cog.tif", network=True, **kind)
            values, holes = read_around(lazy_variable(band, grid), slice(0, 500), slice(0, 500))
        near = lazy_variable(RasterBand(str(folder / "cog.tif"), **kind), grid)[:500, :500]
        near = near.to_numpy().copy()
        shift = 0 if grid is own else 3
        rows, columns = slice(128 + shift, 256 + shift), slice(256 + shift, 384 + shift)
        assert [(h.rows, h.columns) for h in holes] == [(rows, columns)], (holes, lost)
        assert "503" in holes[0].reason
        near[rows, columns] = np.nan if dtype == "float32" else 0
        assert np.array_equal(values, near, equal_nan=True)


PASSING = sorted(set(FAULTS) - {"expired"})


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_tried_again(server, folder, name, monkeypatch, tmp_path):
    if name in ("slow", "slow_body", "silent"):
        brief = {"net_silence_s": 0.5, "net_deadline_s": 1}
        set_up(monkeypatch, tmp_path / "cache", **brief, net_tries=20)  # a busy machine is slow too
    window = Window(300, 500, 200, 90)
    with (
        faulty(server.port, first(2, name)) as proxy,
        open_raster(f"{proxy.url}/cog.tif", network=True) as far,
        open_raster(folder / "cog.tif") as near,
    ):
        assert (far.read(window=window) == near.read(window=window)).all()
    assert proxy.met[name] >= 2
    assert client().traffic.again >= (0 if name == "late" else proxy.met[name])


@pytest.mark.parametrize("name", ["busy", "page", "slow", "nameless"])
def test_what_does_not_pass_is_an_error_that_says_why(server, monkeypatch, tmp_path, name):
    deadline = 2 if name == "slow" else 60
    set_up(monkeypatch, tmp_path / "cache", net_tries=2, net_deadline_s=deadline)
    why = {"busy": "503", "page": "HTML", "slow": "longer than 2 s", "nameless": "name"}
    with (
        faulty(server.port, first(9, name)) as proxy,
        pytest.raises(RemoteError, match=why[name]) as told,
    ):
        remote.remote_file(f"{proxy.url}/cog.tif")
    assert proxy.met[name] == 2
    assert "tried 2 times" in str(told.value)


def test_whoever_cancels_does_not_wait_for_a_server(server, monkeypatch, tmp_path):
    """The head comes; the tiles do not, for longer than any test may take."""
    set_up(monkeypatch, tmp_path / "cache", net_silence_s=7200, net_deadline_s=7200)
    cancel = threading.Event()
    head = f"bytes=0-{remote.HEAD - 1}"
    with faulty(server.port, lambda path, span, n: None if span == head else "silent") as proxy:
        address = f"{proxy.url}/cog.tif"
        with open_raster(address, network=True) as far:
            grid = file_geobox(far)
        bands = {"green": RasterBand(address, 1, network=True),
                 "nir": RasterBand(address, 2, network=True)}  # fmt: skip
        lazy = {name: lazy_variable(band, grid) for name, band in bands.items()}
        scene = make_scene(lazy, grid, sensor="unknown", provenance=Provenance())
        timer = threading.Timer(0.3, cancel.set)
        timer.start()
        options = EngineOptions(workers=2, cancel=cancel)
        with pytest.raises(CancelledError):
            run_methods(scene, [(Neighbours(), {})], prepare=keep, settle=accept, options=options)


class OfTwo(Neighbours):
    def bands(self, available):
        return {"green", "nir"}


def test_the_bands_of_a_block_are_asked_for_at_once(server, monkeypatch, tmp_path):
    """Each answer of a tile waits until both bands were asked for."""
    met, both = set(), threading.Event()

    def fault(path, span, n):
        if not span.startswith("bytes=0-"):
            met.add(path)
            if len(met) == 2:
                both.set()
            if not both.wait(50):
                return "busy"
        return None

    with faulty(server.port, fault) as proxy:
        bands = {"green": "cog.tif", "nir": "tiles.tif"}
        lazy = {}
        for name, file in bands.items():
            address = f"{proxy.url}/{file}"
            with open_raster(address, network=True) as far:
                grid = file_geobox(far)
            lazy[name] = lazy_variable(RasterBand(address, 1, network=True), grid)
        scene = make_scene(lazy, grid, sensor="unknown", provenance=Provenance())
        work = [(OfTwo(), {})]
        options = EngineOptions(workers=1)
        run_methods(scene, work, prepare=keep, settle=accept, options=options)
    assert "busy" not in proxy.met


def refusing(folder, status):
    """Serve the head of a file, and of the rest a status; yields the spans that are asked for."""
    whole, asked = (folder / "cog.tif").read_bytes(), []

    async def app(request):
        first, last = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
        asked.append(first)
        if first and status != "changed":
            return Response(status_code=status)
        part = whole[first : last + 1]
        span = f"bytes {first}-{first + len(part) - 1}/{len(whole)}"
        tag = str(len(asked)) if status == "changed" else "1"
        return Response(part, 206, headers={"content-range": span, "etag": tag})

    return Starlette(routes=[Route("/cog.tif", app)]), asked


@pytest.mark.parametrize(
    ("status", "most", "words"),
    [(404, 2, "not there"), (403, 2, "does not let"), ("changed", 2, "changed"), (503, 200, "503")],
)
def test_what_a_server_refuses_is_not_asked_for_over_and_over(
    folder, status, most, words, monkeypatch, tmp_path
):
    """64 tiles: of a refusal one request tells all, of a failure no tile is asked for twice."""
    set_up(monkeypatch, tmp_path / "cache", net_tries=1)
    app, asked = refusing(folder, status)
    with running(app) as server:
        address = f"{server.url}/cog.tif"
        with open_raster(address, network=True) as far:
            grid = file_geobox(far)
        band = FileBand(
            address,
            "cog.tif",
            1,
            (),
            "uint16",
            grid,
            nodata=0,
            scale=1,
            offset=0,
            tags={},
            network=True,
        )
        with pytest.raises(RemoteError, match=words):
            look({"green": band}, {"green": ()})
        assert len(asked) <= most
        lazy = lazy_variable(RasterBand(address, network=True), grid)
        _, holes = read_around(lazy, slice(0, SIDE), slice(0, SIDE))
        again = len(asked)
        read_around(lazy, slice(0, 400), slice(0, 400))
    assert len(asked) == again <= 2 * most
    assert len(holes) > 50
    assert words in holes[0].reason


def test_a_tiff_that_tells_of_more_than_it_holds_is_refused_and_named():
    """400 tags of a BigTIFF, each nearly the whole of its 1 MB."""
    size = 10**6
    tags = [(256, 4, 1, 100), (257, 4, 1, 100)]
    tags += [(40_000 + n, 1, size - 20_000, 10_000) for n in range(400)]
    told = b"".join(struct.pack("<HHQQ", *tag) for tag in tags)
    head = b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, len(tags)) + told
    content = head.ljust(size, b"\0")
    read = []

    def part(start, stop):
        read.append(stop - start)
        return content[start:stop]

    with pytest.raises(SourceError, match=r"far\.tif are broken"):
        tiff.levels(part, size, "far.tif")
    assert sum(read) <= 2 * size
