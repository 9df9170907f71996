"""The engine: covers every pixel once, whatever the cut; keeps within memory; reports failures."""

import dataclasses
import threading

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from obriy.blocks.base import Block, Labelled
from obriy.blocks.engine import ArraySink, EngineOptions, run_methods
from obriy.blocks.plan import Window, make_plan
from obriy.errors import CancelledError, MemoryBudgetError, SourceError


@dataclasses.dataclass(frozen=True)
class Total:
    """Statistics of the test method: sum and number of pixels."""

    total: float
    pixels: int

    def merge(self, other):
        return Total(self.total + other.total, self.pixels + other.pixels)


@dataclasses.dataclass(frozen=True)
class Neighbours:
    """Label 2 where the 3 x 3 mean lies above the scene's mean: needs a halo and two passes."""

    name: str = "neighbours"
    halo: int = 1
    gives_fraction: bool = False

    def bands(self, available):
        return {"green"}

    def collect(self, block):
        core = block.crop().bands["green"]
        return Total(float(np.nansum(core, dtype="float64")), int(core.size))

    def decide(self, statistics):
        return NeighbourRule(statistics.total / statistics.pixels, statistics.pixels)


@dataclasses.dataclass(frozen=True)
class NeighbourRule:
    mean: float
    pixels: int

    def apply(self, block):
        values = np.pad(block.bands["green"], 1, mode="edge")
        rows, columns = block.shape
        local = sum(values[i : i + rows, j : j + columns] for i in range(3) for j in range(3)) / 9
        labels = np.where(local > self.mean, np.uint8(2), np.uint8(1))
        return Labelled(np.where(np.isnan(block.bands["green"]), np.uint8(0), labels))

    def describe(self):
        return {"mean": self.mean}

    def histograms(self):
        return []


def keep(block: Block) -> Block:
    return block


def accept(block: Block, said: Labelled) -> Labelled:
    return said


def run(scene, **options):
    sink = ArraySink((scene.sizes["y"], scene.sizes["x"]))
    (result,) = run_methods(
        scene, [(Neighbours(), {"labels": sink})], prepare=keep, settle=accept,
        options=EngineOptions(**options),
    )  # fmt: skip
    return sink.array, result


def random_scene(scene_of, shape, tile, seed=0):
    scene = scene_of(green=np.random.default_rng(seed).random(shape))
    scene["green"].encoding["preferred_chunks"] = {"y": tile[0], "x": tile[1]}
    return scene


@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    tile=st.tuples(st.integers(1, 64), st.integers(1, 128)),
    halo=st.integers(0, 5),
    budget=st.integers(20_000, 10**6),
)
def test_a_plan_covers_every_pixel_once(shape, tile, halo, budget):
    scene = xr.Dataset({"green": (("y", "x"), np.zeros(shape, "float32"))})
    scene["green"].encoding["preferred_chunks"] = {"y": tile[0], "x": tile[1]}
    try:
        plan = make_plan(scene, ["green"], halo=halo, bytes_per_pixel=4, budget=budget)
    except MemoryBudgetError:
        return
    seen = np.zeros(shape, int)
    for window in plan.windows:
        seen[window.slices] += 1
        outer = window.padded(halo, shape)
        assert outer.rows * outer.columns * 4 <= budget
    assert (seen == 1).all()


def test_windows_follow_the_tiles_of_the_file():
    scene = xr.Dataset({"green": (("y", "x"), np.zeros((3000, 2500), "float32"))})
    scene["green"].encoding["preferred_chunks"] = {"y": 512, "x": 512}
    plan = make_plan(scene, ["green"], halo=0, bytes_per_pixel=4, budget=10**9)
    assert all(w.row % 512 == 0 and w.column % 512 == 0 for w in plan.windows)


def test_too_little_memory_is_said():
    scene = xr.Dataset({"green": (("y", "x"), np.zeros((3000, 2500), "float32"))})
    with pytest.raises(MemoryBudgetError, match="Raise --max-ram"):
        make_plan(scene, ["green"], halo=8, bytes_per_pixel=100, budget=1000)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("tile", [(16, 16), (5, 70), (64, 64), (1, 200)])
def test_result_does_not_depend_on_the_cut(scene_of, monkeypatch, workers, tile):
    scene = random_scene(scene_of, (70, 61), tile)
    whole, _ = run(scene, workers=1)
    monkeypatch.setattr("obriy.blocks.plan.TARGET_PIXELS", 700)
    cut, result = run(scene, workers=workers)
    assert len(result.plan.windows) > 1
    np.testing.assert_array_equal(cut, whole)
    assert result.rule.pixels == 70 * 61
    assert sum(result.labels.values()) == 70 * 61


@dataclasses.dataclass(frozen=True)
class Told(Neighbours):
    """The same with the mean told beforehand: one pass is enough."""

    def known(self):
        return NeighbourRule(0.5, 0)

    def decide(self, statistics):
        return NeighbourRule(0.5, statistics.pixels)


@pytest.mark.parametrize("part", [None, slice(10, 50)])
def test_a_rule_that_is_known_takes_one_look(scene_of, monkeypatch, part):
    monkeypatch.setattr("obriy.blocks.plan.TARGET_PIXELS", 700)
    scene = random_scene(scene_of, (70, 61), (16, 16))
    looked = []

    def seen(block):
        looked.append((block.row, block.column))
        return block

    sinks = [ArraySink((70, 61)), ArraySink((70, 61))]
    wanted = None if part is None else scene.isel(y=part)
    results = [
        run_methods(
            scene, [(method, {"labels": sink})], prepare=seen, settle=accept,
            options=EngineOptions(workers=2), part=wanted,
        )[0]
        for method, sink in zip((Told(), Neighbours()), sinks, strict=True)
    ]  # fmt: skip
    assert [r.rule.pixels for r in results] == [70 * 61] * 2
    if part is None:
        assert len(looked) == 2 * len(results[0].plan.windows)  # what the other read, it kept
        green = np.pad(scene["green"].to_numpy(), 1, mode="edge")
        local = sum(green[i : i + 70, j : j + 61] for i in range(3) for j in range(3)) / 9
        np.testing.assert_array_equal(sinks[0].array, np.where(local > np.float32(0.5), 2, 1))


def test_progress_counts_to_the_end(scene_of, monkeypatch):
    monkeypatch.setattr("obriy.blocks.plan.TARGET_PIXELS", 700)
    calls = []
    _, result = run(
        random_scene(scene_of, (70, 61), (16, 16)), workers=2,
        progress=lambda name, done, total: calls.append((name, done, total)),
    )  # fmt: skip
    n = len(result.plan.windows)
    assert sorted(calls) == sorted((p, i, n) for p in ("collect", "apply") for i in range(1, n + 1))


def test_cancel_stops(scene_of, monkeypatch):
    monkeypatch.setattr("obriy.blocks.plan.TARGET_PIXELS", 700)
    cancel = threading.Event()
    with pytest.raises(CancelledError):
        run(
            random_scene(scene_of, (70, 61), (16, 16)), workers=2, cancel=cancel,
            progress=lambda name, done, total: cancel.set(),
        )  # fmt: skip


def test_an_error_in_a_thread_reaches_the_caller(scene_of):
    class Broken(Neighbours):
        def collect(self, block):
            raise ZeroDivisionError("boom")

    scene = random_scene(scene_of, (10, 10), (4, 4))
    with pytest.raises(ZeroDivisionError, match="boom"):
        run_methods(scene, [(Broken(), {})], prepare=keep, settle=accept, options=EngineOptions())


def broken_raster(tmp_path, rows_cut):
    """A tiled GeoTIFF of 4 x 4 tiles in which the bytes of some tiles are damaged."""
    import rasterio
    from affine import Affine

    path = tmp_path / "broken.tif"
    values = np.random.default_rng(0).integers(1, 9999, (64, 64)).astype("uint16")
    with rasterio.open(
        path, "w", driver="GTiff", width=64, height=64, count=1, dtype="uint16", tiled=True,
        blockxsize=16, blockysize=16, compress="deflate", crs="EPSG:32636",
        transform=Affine(10, 0, 5e5, 0, -10, 5e6),
    ) as file:  # fmt: skip
        file.write(values, 1)
    data = bytearray(path.read_bytes())
    with rasterio.open(path) as file:
        for row in range(rows_cut):
            for column in range(4):
                offset = int(file.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=1))
                size = int(file.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=1))
                data[offset : offset + size] = b"\xff" * size
    path.write_bytes(bytes(data))
    return path


def lazy_scene(path):
    import rasterio

    from obriy.blocks.raster import RasterBand, file_geobox, lazy_variable
    from obriy.model.provenance import Provenance
    from obriy.model.scene import make_scene

    with rasterio.open(path) as file:
        geobox = file_geobox(file)
    variable = lazy_variable(RasterBand(str(path), scale=1e-4), geobox)
    return make_scene({"green": variable}, geobox, sensor="unknown", provenance=Provenance())


def test_a_part_that_cannot_be_read_is_listed_and_unseen(tmp_path, monkeypatch):
    monkeypatch.setattr("obriy.blocks.plan.TARGET_PIXELS", 300)
    scene = lazy_scene(broken_raster(tmp_path, rows_cut=1))
    labels, unseen = ArraySink((64, 64)), ArraySink((64, 64))
    (result,) = run_methods(
        scene, [(dataclasses.replace(Neighbours(), halo=0), {"labels": labels, "unseen": unseen})],
        prepare=keep, settle=accept, options=EngineOptions(workers=2),
    )  # fmt: skip
    assert [window for window, _ in result.failed] == [
        Window(0, c, 16, 16) for c in (0, 16, 32, 48)
    ]
    assert "cannot be read" in result.failed[0][1]
    assert (labels.array[:16] == 0).all()
    assert (unseen.array[:16] == 5).all()
    assert (labels.array[16:] > 0).all()
    assert result.unseen[5] == 16 * 64


def test_nothing_readable_is_an_error(tmp_path):
    scene = lazy_scene(broken_raster(tmp_path, rows_cut=4))
    with pytest.raises(SourceError, match="download it again"):
        run(scene)
