"""What a season of water and a winter of ice have in common: stopping, a cluster, no map at all."""

import shutil
import threading

import pytest
from tests.test_series import config, lake
from tests.test_water_command import write_image

from obriy.blocks.options import EngineOptions
from obriy.errors import CancelledError
from obriy.simulate.ice.folder import simulate_ice_folder
from obriy.workflows.config.base import make_config
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.jobs import run_job


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    """Two dates of a lake."""
    place = tmp_path_factory.mktemp("season")
    for day, radius in {"20250605": 10, "20250715": 18}.items():
        write_image(place / f"S2B_{day}.tif", lake(radius))
    return place


@pytest.fixture(scope="module")
def winter(tmp_path_factory):
    """Two images of a bay."""
    place = tmp_path_factory.mktemp("winter") / "bay"
    simulate_ice_folder(place, dates=["2021-02-03", "2021-02-17"], seed=11)
    return place


def ice(folder, out, **options):
    return make_config(
        IceConfig, {"sources": [str(folder)], "out": out, "outputs": ["map"]} | options
    )


def test_a_season_and_a_winter_are_stopped_where_they_are(season, winter, tmp_path):
    asked = threading.Event()
    asked.set()
    for job in (config(season, tmp_path / "water"), ice(winter, tmp_path / "ice")):
        with pytest.raises(CancelledError):
            run_job(job, EngineOptions(cancel=asked))
        assert run_job(job).complete  # and go on


def test_a_winter_on_a_cluster_is_what_it_is_here(winter, tmp_path, monkeypatch):
    import dask
    from distributed import LocalCluster

    monkeypatch.setattr("obriy.workflows.cluster.PATIENCE_S", "600s")  # the machine may be busy
    here = run_job(ice(winter, tmp_path / "here"))
    patient = dask.config.set({"distributed.comm.timeouts.connect": "600s"})
    with patient, LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as local:
        job = ice(winter, tmp_path / "there", scheduler=local.scheduler_address)
        there = run_job(job, EngineOptions(cancel=threading.Event()))
    assert there.complete
    assert [d.ice_km2 for d in there.result.dates] == [d.ice_km2 for d in here.result.dates]
    for date in here.result.dates:
        name = f"maps/{date.granule}/map.tif"
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_a_change_that_could_not_be_made_is_not_drawn(season, tmp_path):
    images = shutil.copytree(season, tmp_path / "images")
    (images / "S2B_20250605.tif").write_bytes(b"<html>")
    out = tmp_path / "run"
    run = run_job(config(images, out, change=("2025-06-05", "2025-07"), outputs=["report"]))
    assert not run.complete
    assert not (out / "change.tif").exists()
    assert "on one side no date has a map" in (out / "report.html").read_text("utf-8")
