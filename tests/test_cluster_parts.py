"""One large image, or a season, on a cluster: in parts, and the same to the bit as here."""

import dataclasses
import json
import os
import threading

import cloudpickle
import dask
import numpy as np
import pytest
from tests.test_cluster import dies_at_a_draft
from tests.test_landcover_command import truth, write_scene
from tests.test_series import config
from tests.test_water_command import write_image

import obriy
from obriy.blocks.learnt import Learnt
from obriy.blocks.options import EngineOptions
from obriy.blocks.parts import parts_of
from obriy.blocks.plan import Plan, Window
from obriy.errors import CancelledError, MemoryBudgetError
from obriy.prepare.clouds.spectral import CloudModel
from obriy.simulate.ice.scene import simulate_ice
from obriy.sources.scene import open_scene
from obriy.workflows.cluster import cluster
from obriy.workflows.config.base import make_config
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.jobs import run_job

SIDE = 64
"""Of a window, in these tests; a part has two."""


@pytest.fixture(scope="module")
def local():
    """Two workers, each a process of its own."""
    from distributed import LocalCluster

    patient = dask.config.set({"distributed.comm.timeouts.connect": "600s"})
    with patient, LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as made:
        yield made


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Cut small images in many parts, and wait for a busy machine."""
    monkeypatch.setattr("obriy.blocks.plan.TARGET_PIXELS", SIDE * SIDE)
    monkeypatch.setattr("obriy.blocks.parts.PART_PIXELS", 3 * SIDE * SIDE)
    monkeypatch.setattr("obriy.workflows.cluster.PATIENCE_S", "600s")


def plan(windows, side=SIDE):
    row = tuple(Window(0, side * n, side, side) for n in range(windows))
    return Plan((side, side * windows), row, 0, 0)


def test_a_part_has_as_many_windows_as_a_power_of_two():
    assert parts_of(plan(5)) == [range(2), range(2, 4), range(4, 5)]  # three would fit
    assert parts_of(plan(2, 4 * SIDE)) == [range(1), range(1, 2)]
    assert parts_of(plan(1)) == [range(1)]


@dataclasses.dataclass(frozen=True)
class Told:
    """Statistics that tell how they were merged."""

    text: str

    def merge(self, other):
        return Told(f"({self.text} {other.text})")


class Teller:
    """A method whose statistics are the place of the block."""

    def collect(self, block):
        return Told(str(block))


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_parts_are_merged_as_windows_are_here(size):
    for windows in range(1, 35):
        assert_parts_are_merged_alike(windows, size)


def assert_parts_are_merged_alike(windows, size):
    here = Learnt([Teller()], windows)
    for number in range(windows):
        here.add(number, [number])
    parts = [range(n, min(n + size, windows)) for n in range(0, windows, size)]
    together = Learnt([Teller()], len(parts))
    for place, part in reversed([*enumerate(parts)]):
        learnt = Learnt([Teller()], len(part), part.start)
        for number in reversed(part):
            learnt.add(number, [number])
        together.take(place, learnt.merged())
    assert together.merged() == here.merged()


class Teammate:
    """Does parts in this process, as if they had come from another, the last first."""

    def ask(self, work, job, parts):
        said = {part: work(sent(job), part) for part in reversed(parts)}
        return (said[part] for part in parts)

    def make(self, work, job, parts, told):
        for part in parts:
            arrays = {}
            yield *work(sent(job), part, arrays.__setitem__), arrays


def sent(value):
    """What arrives of a value on another machine."""
    return cloudpickle.loads(cloudpickle.dumps(value))


@pytest.fixture(scope="module")
def scene(image):
    return open_scene(image, sensor="sentinel2_l2a")


@pytest.mark.parametrize(
    "method",
    ["ndwi:0.05", "mndwi:otsu | ndwi:zero", "auto"],
)
@pytest.mark.parametrize("clouds", ["none", "spectral"])
def test_a_method_for_water_works_in_parts(method, clouds, scene):
    here = obriy.map_water(scene, method, clouds=clouds)
    there = obriy.map_water(scene, method, clouds=clouds, options=EngineOptions(team=Teammate()))
    assert_alike(here, there, "labels", "unseen", "doubt", "fraction")


@pytest.mark.parametrize("method", ["auto", "m201", "ndsi", "watershed", "kmeans"])
def test_a_method_for_ice_works_in_parts(method):
    bay = simulate_ice(11, "2021-01-12T04:05").scene
    here = obriy.map_ice(bay, method)
    there = obriy.map_ice(bay, method, options=EngineOptions(team=Teammate()))
    assert_alike(here, there, "labels", "unseen")


@pytest.mark.parametrize("method", ["kmeans", "dbscan", "slic+kmeans"])
def test_a_clusterer_works_in_parts(method, scene, monkeypatch):
    monkeypatch.setattr("obriy.methods.clustering.look.TILE", SIDE // 2)  # of segments
    options = {"clusters": "auto" if method == "dbscan" else 4}
    here = obriy.map_landcover(scene, method, **options)
    team = EngineOptions(team=Teammate())
    there = obriy.map_landcover(scene, method, **options, options=team)
    assert_alike(here, there, "labels", "unseen", "confidence")


def assert_alike(here, there, *layers):
    assert there.provenance == here.provenance
    for name in layers:
        one, other = getattr(here, name), getattr(there, name)
        assert (one is None) == (other is None)
        assert one is None or (one.to_numpy() == other.to_numpy()).all(), name


def test_clouds_are_found_once_and_not_on_each_machine(scene, monkeypatch):
    looked, log_odds = [], CloudModel.log_odds

    def counted(model, bands):
        looked.append(bands)
        return log_odds(model, bands)

    monkeypatch.setattr(CloudModel, "log_odds", counted)
    options = EngineOptions(team=Teammate())
    obriy.map_water(scene, "ndwi:zero", clouds="spectral", options=options)
    assert len(looked) == 1  # the coarse grid has no more rows than a strip


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A lake with rough shores and a corner without data, in 4 x 5 windows."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[: 4 * SIDE - 20, : 5 * SIDE - 30]
    water = np.hypot(y - 100, x - 150) < 80 + rng.normal(0, 4, y.shape)
    file = tmp_path_factory.mktemp("image") / "S2A_20240615_scene.tif"
    return write_image(file, water, missing=(y + x) < 90)


def same_files(here, there, *patterns):
    files = [file for pattern in patterns for file in sorted(here.glob(pattern))]
    assert files
    for file in files:
        assert (there / file.relative_to(here)).read_bytes() == file.read_bytes(), file.name


@pytest.mark.parametrize("method", ["mndwi:zero", "mndwi:otsu", "auto"])
def test_an_image_in_parts_is_what_it_is_here(method, image, local, tmp_path):
    here = run_job(config(image, tmp_path / "here", method=method))
    address = local.scheduler_address
    there = run_job(config(image, tmp_path / "there", method=method, scheduler=address))
    same_files(tmp_path / "here", tmp_path / "there", "*.tif", "areas.csv", "*.gpkg")
    for name in ("area_km2", "interval_km2", "uncertainty_km2", "decision"):
        assert there.result.to_dict()[name] == here.result.to_dict()[name]
    assert not (tmp_path / "there" / "parts").exists()


def test_a_worker_that_is_killed_costs_its_part(image, local, tmp_path):
    from distributed import Client

    here = run_job(config(image, tmp_path / "here", outputs=["mask"]))
    with Client(local, set_as_default=False) as client:
        mortal = next(iter(client.scheduler_info()["workers"]))
        client.run(dies_at_a_draft, str(tmp_path / "died"), "/parts/map/.", workers=[mortal])
    address = local.scheduler_address
    there = run_job(config(image, tmp_path / "there", outputs=["mask"], scheduler=address))
    assert (tmp_path / "died").exists()
    assert there.complete
    assert there.result.area_km2 == here.result.area_km2
    same_files(tmp_path / "here", tmp_path / "there", "*.tif")


def test_of_a_run_that_was_cut_off_parts_that_are_done_are_kept(image, local, tmp_path):
    asked, folder = threading.Event(), tmp_path / "there"
    job = config(image, folder, outputs=["mask"], scheduler=local.scheduler_address)

    def stop_in_the_middle(name, done, total):
        if name == "apply" and 2 * done >= total:
            asked.set()

    with pytest.raises(CancelledError):
        run_job(job, EngineOptions(cancel=asked, progress=stop_in_the_middle))
    kept = steps(folder)
    assert kept == [f"map part {number}" for number in range(len(kept))]
    assert run_job(job).complete
    *parts, last = steps(folder)
    assert (last, len(parts)) == ("map", 2 * len(kept))
    assert parts == [f"map part {number}" for number in range(len(parts))]  # each was done once
    run_job(config(image, tmp_path / "here", outputs=["mask"]))
    same_files(tmp_path / "here", folder, "*.tif")


def test_a_task_that_workers_do_not_survive_is_told(local, monkeypatch):
    monkeypatch.setattr(local.scheduler, "allowed_failures", 0)
    with (
        pytest.raises(MemoryBudgetError, match="lost one after another"),
        cluster(local.scheduler_address) as workers,
    ):
        workers.submit(os._exit, 1).result()


def steps(folder):
    return [json.loads(line)["step"] for line in (folder / "ledger.jsonl").open()]


def cover(source, out, **values):
    values = {"clusters": 4, "rounds": 1, "outputs": ["landcover", "clusters"]} | values
    return make_config(LandcoverConfig, {"source": str(source), "out": out, **values})


def test_land_cover_in_parts_is_what_it_is_here(local, tmp_path):
    image = write_scene(tmp_path / "scene.tif", truth((3 * SIDE - 10, 3 * SIDE - 7)))
    here = run_job(cover(image, tmp_path / "here"))
    there = run_job(cover(image, tmp_path / "there", scheduler=local.scheduler_address))
    same_files(tmp_path / "here", tmp_path / "there", "**/*.tif", "areas.csv")
    told = [one.result.to_dict()["clusters"] for one in (here, there)]
    assert told[0] == told[1]


def test_a_season_in_parts_is_what_it_is_here(local, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for day in ("20240315", "20240615", "20240915"):
        codes = np.roll(truth((2 * SIDE, 2 * SIDE + 9)), int(day[4:6]), axis=1)
        write_scene(images / f"S2A_{day}.tif", codes, missing=codes == 60 if "03" in day else None)
    (images / "S2A_20241015.tif").write_bytes(b"<html>")
    here = run_job(cover(images, tmp_path / "here"))
    there = run_job(cover(images, tmp_path / "there", scheduler=local.scheduler_address))
    same_files(tmp_path / "here", tmp_path / "there", "**/*.tif")
    assert there.result.to_dict()["season"] == here.result.to_dict()["season"]
