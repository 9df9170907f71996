"""The interface for programs: it is what it says of itself, and the same as the folders."""

import json
import os
import time

import numpy as np
import pytest
import rasterio
import schemathesis
import shapely
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from tests.page_server import PATIENCE_S

from obriy.errors import UsageError
from obriy.web.api import router
from obriy.web.shelf import Shelf
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import JOBS, run_job

FEW = settings(
    max_examples=10, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
)  # fmt: skip


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shelf")
    values = {"source": "simulated:?size=64", "out": folder / "runs" / "done run"}
    run_job(make_config(WaterConfig, values))
    data = folder / "images"
    data.mkdir()
    return Shelf(folder / "runs", {"images": data})


@pytest.fixture(scope="module")
def app(shelf):
    made = FastAPI(openapi_url="/api/openapi.json")
    made.include_router(router(shelf))
    return made


@pytest.fixture(scope="module")
def client(app):
    with TestClient(app) as made:
        yield made


def test_jobs_are_those_of_the_command_line(client):
    told = {job["job"]: job for job in client.get("/api/jobs").json()}
    assert list(told) == list(JOBS)
    aoi = told["water"]["options"]["properties"]["aoi"]
    assert aoi["description"] == WaterConfig.model_fields["aoi"].description


def test_a_run_of_the_command_line_is_there(client, shelf):
    (run,) = client.get("/api/runs").json()
    assert (run["name"], run["job"], run["state"]) == ("done run", "water", "done")
    written = json.loads((shelf.root / "done run" / "result.json").read_text("utf-8"))
    assert client.get("/api/runs/done run/result").json() == written
    file = client.get("/api/runs/done run/files/mask.tif")
    assert file.content == (shelf.root / "done run" / "mask.tif").read_bytes()
    assert "attachment" in file.headers["content-disposition"]
    report = client.get("/api/runs/done run/files/report.html")
    assert "sandbox" in report.headers["content-security-policy"]
    packed = client.get("/api/runs/done run/zip")
    assert packed.content[:2] == b"PK"


def test_tiles_and_places_say_the_same(client):
    mask, *_ = client.get("/api/runs/done run/maps").json()
    west, south, east, north = mask["bounds"]
    assert mask["legend"][1] == {"word": "Water", "colour": "#1f5fa8"}
    middle = {"lon": (west + east) / 2, "lat": (south + north) / 2, "date": mask["date"]}
    said = client.get("/api/runs/done run/at", params=middle).json()
    assert said[0]["title"] == mask["title"]
    assert client.get("/api/runs/done run/at", params={"lon": 0, "lat": 0}).json() == []
    assert mask["date"]
    undated = {name: value for name, value in middle.items() if name != "date"}
    of_all = client.get("/api/runs/done run/at", params=undated).json()
    assert [one for one in of_all if one in said] == said
    beyond = client.get("/api/runs/done run/tiles/3/0/0.png", params={"map": mask["map"]})
    assert beyond.content[:4] == b"\x89PNG"
    none = client.get("/api/runs/done run/tiles/3/9/0.png", params={"map": mask["map"]})
    assert none.status_code == 404


@pytest.mark.parametrize("date", ["1999-01-01", "../../etc"])
@pytest.mark.parametrize("what", ["at", "spectrum"])
def test_a_date_that_a_run_has_not_is_not_answered_by_another(client, what, date):
    mask, *_ = client.get("/api/runs/done run/maps").json()
    west, south, east, north = mask["bounds"]
    middle = {"lon": (west + east) / 2, "lat": (south + north) / 2}
    there = client.get(f"/api/runs/done run/{what}", params=middle | {"date": mask["date"]})
    assert there.status_code == 200
    assert there.json() not in ([], {"reflectance": True, "bands": [], "indices": {}})
    answer = client.get(f"/api/runs/done run/{what}", params=middle | {"date": date})
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("The run has no such date")


def test_a_cluster_has_one_name(client):
    twice = [{"cluster": 2, "name": "water"}, {"cluster": 2, "name": "bare"}]
    answer = client.post("/api/runs/done run/names", json={"names": twice})
    assert answer.status_code == 409
    assert "Cluster 2 is named more than once" in answer.json()["detail"]
    once = client.post("/api/runs/done run/names", json={"names": twice[:1]})
    assert "no clusters to name" in once.json()["detail"]


def test_the_image_itself_is_a_layer(client, shelf):
    """Made when it is first asked for: true colour of the very scene that was mapped."""
    from obriy.render.pictures import preview
    from obriy.sources.scene import open_scene

    answer = client.get("/api/runs/done run/tiles/0/0/0.png", params={"map": "true_colour:none"})
    assert answer.status_code == 404
    mask, *_ = client.get("/api/runs/done run/maps").json()
    place = f"true_colour:{mask['date']}"
    answer = client.get("/api/runs/done run/tiles/0/0/0.png", params={"map": place})
    assert answer.content[:4] == b"\x89PNG"
    made = next((shelf.desk / "work" / "done run" / "pictures").glob("true_colour*.tif"))
    with rasterio.open(made) as picture, rasterio.open(shelf.root / "done run" / "mask.tif") as map:
        assert (picture.crs, picture.bounds) == (map.crs, map.bounds)
        expected = preview(open_scene("simulated:?size=64")).rgba
        assert np.array_equal(np.moveaxis(picture.read(), 0, -1), expected)


def test_outlines_lie_where_the_map_lies(client):
    mask, *_ = client.get("/api/runs/done run/maps").json()
    west, south, east, north = mask["bounds"]
    shapes = client.get("/api/runs/done run/outlines").json()["features"]
    assert shapes
    assert {shape["properties"]["kind"] for shape in shapes} == {"body"}
    for shape in shapes:
        box = shapely.geometry.shape(shape["geometry"]).bounds
        assert west - 1e-4 <= box[0] <= box[2] <= east + 1e-4
        assert south - 1e-4 <= box[1] <= box[3] <= north + 1e-4


@pytest.mark.parametrize(
    "path",
    ["files/../config.yaml", "files/.lock", "files/%2e%2e/x", "files//etc/passwd", "files/no",
     "tiles/1/0/0.png?map=../../etc/passwd", "tiles/1/0/0.png?map=/etc/passwd"],
)  # fmt: skip
def test_nothing_else_is_there(client, path):
    assert client.get(f"/api/runs/done run/{path}").status_code == 404


def test_what_cannot_be_done_is_said_without_paths(client, shelf):
    for asked in (
        {"job": "water", "options": {"source": "/etc/passwd"}},
        {"job": "water", "options": {"sources": 1}},
        {"job": "water", "options": {"source": "simulated:"}, "name": "../up"},
        {"job": "water", "options": {"source": "simulated:"}, "name": "done run"},
    ):
        answer = client.post("/api/runs", json=asked)
        assert answer.status_code == 409, asked
        assert str(shelf.root) not in answer.text
    assert client.post("/api/plan", json={"job": "water", "options": {"source": "x"}}).is_error
    assert client.post("/api/runs", json={"job": "nothing"}).status_code == 422


def test_a_made_up_scene_beyond_all_memory_is_refused_and_not_made(client):
    asked = {"job": "water", "options": {"source": "simulated:size=10000000"}}
    answer = client.post("/api/plan", json=asked)
    assert answer.status_code == 409
    assert "takes 196000000.15 GB while it is made" in answer.text


def test_a_folder_that_is_odd_breaks_no_list(client, shelf):
    """Half a result, a map that is none, a ledger of anything: the other runs are there."""
    for name, result in (
        ("odd 1", '{"job": "water"}'), ("odd 2", "[1]"), ("odd 3", "{"), ("odd 4", "null"),
        ("odd 5", '{"job": {"a": 1}, "notices": 7}'),
    ):  # fmt: skip
        (shelf.root / name).mkdir()
        (shelf.root / name / "config.yaml").write_text("job: water\nsource: 'sample:'\n", "utf-8")
        (shelf.root / name / "result.json").write_text(result, "utf-8")
        (shelf.root / name / "ledger.jsonl").write_text('<b>[\n{"step": 1}\n7\n', "utf-8")
    whole = (shelf.root / "done run" / "result.json").read_text("utf-8")
    (shelf.root / "odd 1" / "result.json").write_text(whole, "utf-8")
    (shelf.root / "odd 1" / "mask.tif").write_text("no raster", "utf-8")
    assert {run["name"] for run in client.get("/api/runs").json()} >= {"odd 1", "done run"}
    assert client.get("/api/runs/odd 1/maps").json() == []
    assert client.get("/api/runs/odd 1/outlines").json()["features"] == []
    for number in (2, 3, 4, 5):
        assert client.get(f"/api/runs/odd {number}").json()["headline"] is None
    for number in range(1, 6):
        assert client.delete(f"/api/runs/odd {number}").status_code == 204


def test_runs_are_renamed_deleted_and_had_back(client, shelf):
    (shelf.root / "spare").mkdir()
    (shelf.root / "spare" / "config.yaml").write_text("job: water\nsource: 'sample:'\n", "utf-8")
    assert client.post("/api/runs/spare/rename", json={"name": "done run"}).status_code == 409
    assert client.post("/api/runs/spare/rename", json={"name": "запас"}).json()["name"] == "запас"
    assert client.delete("/api/runs/запас").status_code == 204
    assert "запас" in client.get("/api/deleted").json()
    assert client.post("/api/deleted/запас/restore").json()["state"] == "stopped"
    assert client.delete("/api/runs/запас").status_code == 204


def test_a_name_deleted_twice_keeps_both_for_a_week(client, shelf):
    for source in ("first", "second"):
        (shelf.root / "r1").mkdir()
        (shelf.root / "r1" / "config.yaml").write_text(f"job: water\nsource: {source}\n", "utf-8")
        desk = shelf.run("r1").work.desk
        desk.mkdir(parents=True)  # what is kept beside a run of that name is not there any more
        (desk / "log.txt").write_text(f"error: {source}\n", "utf-8")
        assert client.delete("/api/runs/r1").status_code == 204
    assert client.get("/api/deleted").json().count("r1") == 2
    for source, new in (("second", "r1 new"), ("first", "r1 old")):
        assert client.post("/api/deleted/r1/restore").status_code == 200
        assert client.get("/api/runs/r1/files/config.yaml").text.split()[-1] == source
        assert client.post("/api/runs/r1/rename", json={"name": new}).json()["error"] == source
    assert client.post("/api/deleted/r1/restore").status_code == 404
    assert client.delete("/api/runs/r1 old").status_code == 204
    (put,) = shelf.trash.glob("r1 old~*")
    os.utime(put, (0, 0))
    assert "r1 old" not in client.get("/api/deleted").json()
    assert client.delete("/api/runs/r1 new").status_code == 204


def test_names_longer_than_names_may_be_are_refused(client):
    water, long = {"job": "water", "options": {"source": "simulated:"}}, "\U00020000" * 80
    assert client.get(f"/api/runs/{long}").status_code == 404
    assert client.get(f"/api/runs/{'a' * 300}").status_code == 422
    assert client.get(f"/api/runs/done run/files/{'a' * 300}").status_code == 404
    assert client.get(f"/api/runs/done run/files/{'a/' * 3000}a").status_code == 404
    assert client.post("/api/runs", json={**water, "name": long}).status_code == 409
    assert client.post("/api/runs/done run/rename", json={"name": long}).status_code == 409
    for source in (f"folder:images/{'a' * 300}.tif", "a" * 300):
        asked = {"job": "water", "options": {"source": source}}
        assert client.post("/api/runs", json=asked).status_code == 409


def test_a_run_that_is_done_is_not_gone_on_with(client, shelf):
    answer = client.post("/api/runs/done run/resume")
    assert (answer.status_code, answer.json()["state"]) == (200, "done")
    assert not (shelf.desk / "work" / "done run" / "process.json").exists()


def test_a_cluster_that_the_server_allows_maps_the_images(tmp_path):
    """Its address goes to the run, also when that goes on (which says so); no other is taken."""
    far = "tcp://127.0.0.1:9"
    shelf = Shelf(tmp_path / "runs", {}, (far,))
    values = {"source": "simulated:?size=64", "scheduler": far, "outputs": ["mask"]}
    with pytest.raises(UsageError, match="may call a service"):
        shelf.places.config(WaterConfig, values | {"scheduler": "tcp://127.0.0.1:10"})
    run = shelf.start(shelf.places.config(WaterConfig, values), "spread")
    for _ in range(2):
        wait_for(lambda: not run.work.is_alive())
        assert f"No Dask scheduler answers at {far}" in run.work.error()
        assert "scheduler" not in (run.folder / "config.yaml").read_text("utf-8")
        shelf.resume(run)
    run.work.cancel()


def wait_for(told):
    end = time.monotonic() + PATIENCE_S
    while not told():
        assert time.monotonic() < end
        time.sleep(0.3)


def _operations():
    with_no_runs = FastAPI(openapi_url="/api/openapi.json")
    with_no_runs.include_router(router(None))
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", with_no_runs)
    return [found.ok().label for found in schema.get_all_operations()]


@pytest.mark.parametrize("label", _operations())
def test_it_is_what_it_says_of_itself(app, label, monkeypatch):
    """What the description allows is answered as it says, and what it does not is refused."""
    monkeypatch.setattr("obriy.web.shelf.MOST_AT_WORK", 0)  # the runs themselves are not tried
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app)
    operation = next(
        found.ok() for found in schema.get_all_operations() if found.ok().label == label
    )

    @FEW
    @given(case=operation.as_strategy())
    def probe(case):
        case.call_and_validate()

    probe()
