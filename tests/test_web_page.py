"""The page in a real browser: what a person does, from the first look to the file on their disk.

No test needs what another left: tests that run at once may be dealt to several servers. What is
seen is waited for, and places on the screen are read at one moment.
"""

import io
import re
import time

import numpy as np
import psutil
import pytest
import rasterio
import rasterio.warp
from playwright.sync_api import expect
from shapely.geometry import shape
from tests.browsing import (
    browsing,
    needs_browser,
    new_page,
    require_that_all_can_read_it,
    require_that_it_fits,
    resize,
)
from tests.page_server import PATIENCE_S, PageServer

from obriy.workflows.config.base import make_config
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import run_job

pytestmark = needs_browser
BASEMAP = "http://127.0.0.1:9/{z}/{x}/{y}.png"
"""Nobody answers there."""
WATER = (0x1F, 0x5F, 0xA8)
"""Colour of water in tables/legends/water.toml."""

DATES = ["2023-05-01", "2023-07-16", "2023-09-30"]
MOSS = (0xFA, 0xE6, 0xA0)
"""Colour of moss and lichen in tables/legends/worldcover.toml."""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A small season that nobody needs to download."""
    from obriy.simulate.folder import dates_between, simulate_to_folder

    folder = tmp_path_factory.mktemp("data") / "season"
    dates = dates_between(3, "2023-05-01", "2023-09-30")
    simulate_to_folder(folder, dates=dates, size=(96, 96), setting="easy_clear")
    return folder


@pytest.fixture(scope="module")
def server(images, tmp_path_factory):
    words = ["--data", images, "--basemap", BASEMAP]
    served = PageServer(tmp_path_factory.mktemp("page") / "runs", *words)
    yield served.start()
    served.stop()


@pytest.fixture(scope="module")
def season(server, images):
    """A run of the command line: three dates, a district, water bodies."""
    outputs = ["mask", "fraction", "polygons"]
    asked = {"source": str(images), "aoi": str(images / "districts.gpkg"), "outputs": outputs}
    return made(server, "season", WaterConfig, asked)


@pytest.fixture(scope="module")
def cover(server):
    """A run of land cover, with clusters to be named."""
    outputs = ["landcover", "clusters", "sheet"]
    asked = {"source": "simulated:?size=64", "clusters": 4, "outputs": outputs}
    return made(server, "cover", LandcoverConfig, asked)


def made(server, name, config, asked):
    """Leave a run in the folder of the page, as the command line does; return its name."""
    run_job(make_config(config, {**asked, "out": server.folder / name}))
    return name


@pytest.fixture(scope="module")
def browser():
    with browsing() as opened:
        yield opened


@pytest.fixture
def page(browser, server):
    """A page that notes every request that leaves this machine, and every error of a script."""
    opened = new_page(browser, viewport={"width": 1280, "height": 900})
    opened.left, opened.broken = [], []
    opened.on("request", lambda r: _is_ours(r.url, server) or opened.left.append(r.url))
    opened.on("pageerror", lambda error: opened.broken.append(str(error)))
    yield opened
    assert opened.left == []
    assert opened.broken == []
    opened.context.close()


def _is_ours(url, server):
    return url.startswith((server.address, "data:", "blob:", f"ws://127.0.0.1:{server.port}"))


def pixels(page, colour):
    """Count the pixels of the map on the screen that have a colour."""
    import matplotlib.image

    shot = page.locator(".ob-map").screenshot()
    seen = (matplotlib.image.imread(io.BytesIO(shot))[..., :3] * 255).round()
    return int((np.abs(seen - colour).max(axis=-1) <= 2).sum())


def until(found, what):
    """Wait until something is found; return it."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.3)
    raise AssertionError(what)


def test_an_image_is_uploaded_mapped_seen_and_had(page, server, images, tmp_path):
    """Upload, run, map painted, a pixel asked, the file downloaded: that of the command line."""
    image = images / "2023-07-16.tif"
    page.goto(f"{server.address}/new")
    page.get_by_role("button", name="Upload: Images").click()
    page.locator("input[type=file]").set_input_files(image)
    page.get_by_text("Uploaded: 2023-07-16.tif").wait_for()
    page.get_by_label("Name of the run").fill("mine")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/runs/mine")
    page.locator(".ob-state.done").wait_for()
    assert until(lambda: pixels(page, WATER) > 2000, "no water was painted")
    page.get_by_text("Ground not seen").wait_for()
    page.get_by_text("Not seen", exact=True).wait_for()
    expect(page.locator(".leaflet-layer.ob-unseen")).to_have_count(1)

    page.locator(".ob-map").click(position={"x": 5, "y": 5})
    page.get_by_text("Outside the map").wait_for()

    assert page.left == []
    with page.expect_request("http://127.0.0.1:9/**"):
        page.get_by_text("Basemap", exact=True).click()
    page.get_by_text("Basemap", exact=True).click()

    page.get_by_role("tab", name="Files").click()
    with page.expect_download() as waited:
        page.get_by_role("link", name=re.compile(r"mask\.tif")).first.click()
    waited.value.save_as(tmp_path / "mask.tif")

    run_job(make_config(WaterConfig, {"source": str(image), "out": tmp_path / "theirs"}))
    with (
        rasterio.open(tmp_path / "mask.tif") as ours,
        rasterio.open(tmp_path / "theirs" / "mask.tif") as theirs,
    ):
        assert (ours.crs, ours.transform) == (theirs.crs, theirs.transform)
        assert np.array_equal(ours.read(), theirs.read())
        assert (ours.read(1) == 2).sum() > 100
    assert all(url.startswith("http://127.0.0.1:9/") for url in page.left)  # as it was asked to
    page.left.clear()


def held(folder):
    """Stop the process of a run, which has only begun: it loads its modules for a second."""
    found = (one for one in psutil.process_iter(["cmdline"]) if is_work(one, folder))
    worker = next(found)
    worker.suspend()
    return worker


def is_work(process, folder):
    words = process.info["cmdline"] or [""]
    return "run" in words and words[-1] == str(folder)


def test_runs_outlive_the_server_and_are_cancelled_and_go_on(page, server):
    """Two at once; the server is killed; what ran is found again, cancelled, resumed, read."""
    season = {
        "source": "folder:season",
        "aoi": "folder:season/districts.gpkg",
        "lang": "uk",
        "outputs": ["mask", "fraction", "polygons"],
    }
    other = {"source": "simulated:?size=64", "outputs": ["mask"]}
    workers = []
    for name, options in (("outliving", season), ("beside", other)):
        asked = {"job": "water", "options": options, "name": name}
        begun = server.post("/api/runs", json=asked)
        assert begun.status_code == 201, begun.text
        workers.append(held(server.folder / name))
    states = {run["name"]: run["state"] for run in server.get("/api/runs").json()}
    assert (states["outliving"], states["beside"]) == ("running", "running")

    server.kill()
    server.start()
    told = server.get("/api/runs/outliving").json()
    assert told["state"] == "running"
    assert server.post("/api/runs/outliving/cancel").ok
    for worker in workers:
        worker.resume()
    assert server.wait("outliving", "cancelled", "done")["state"] == "cancelled"
    assert server.wait("beside", "done")["headline"]["what"] == "water"

    page.goto(f"{server.address}/runs/outliving")
    page.get_by_role("button", name="Go on").click()
    page.locator(".ob-state.done").wait_for()
    told = server.get("/api/runs/outliving/result").json()
    assert [row["date"] for row in told["dates"]] == DATES

    page.get_by_role("tab", name="Figures").click()
    chart = page.locator(".ob-chart canvas")
    chart.wait_for()
    page.get_by_role("link", name="UK").click()
    page.get_by_role("tab", name="Числа").wait_for()
    assert page.evaluate("document.documentElement.lang") == "uk"
    expect(page.get_by_role("region", name="За датами").locator("tbody tr")).to_have_count(3)
    page.get_by_role("link", name="EN").click()
    page.get_by_role("tab", name="Figures").wait_for()


AT_REST = """place => {
  const box = document.querySelector(".ob-map");
  const map = getElement(Number(box.id.slice(1))).map, size = map.getSize();
  if (size.x !== box.clientWidth || size.y !== box.clientHeight) return null;
  if (box.querySelector(".leaflet-zoom-anim, .leaflet-pan-anim")) return null;
  const edge = box.getBoundingClientRect(), at = map.latLngToContainerPoint(place);
  const mark = document.querySelector(".ob-clicked")?.getBoundingClientRect();
  return {
    x: edge.left + at.x, y: edge.top + at.y,
    mark: mark ? [mark.left + mark.width / 2, mark.top + mark.height / 2] : null,
  };
}"""
"""Where a place is on the screen, and what marks it, at one moment. None: the map moves, or has not
taken the size of its box yet, as it does some time after that changed."""


def on_map(page, place):
    return until(lambda: page.evaluate(AT_REST, [place.y, place.x]), "the map is not at rest")


def is_marked(page, place):
    """Say whether the mark of a click stands where the place is."""
    seen = on_map(page, place)
    return seen["mark"] == pytest.approx([seen["x"], seen["y"]], abs=1.5)


def test_a_click_tells_spectrum_dates_and_body(page, server, images, season):
    """What stands in the image at the place, what it was on each date, the body that it is of."""
    shapes = server.get(f"/api/runs/{season}/outlines").json()["features"]
    bodies = [shape(one["geometry"]) for one in shapes if one["properties"]["kind"] == "body"]
    place = max(bodies, key=lambda body: body.area).representative_point()
    page.goto(f"{server.address}/runs/{season}?tab=map")
    page.locator(".leaflet-tile-loaded").first.wait_for()
    page.locator("path.leaflet-interactive").first.wait_for()
    resize(page, 1400, 900)
    before = on_map(page, place)
    assert before["mark"] is None
    page.mouse.click(before["x"], before["y"])
    page.locator(".ob-indices").wait_for()
    page.get_by_role("heading", name=re.compile("^Body ")).wait_for()
    page.get_by_text("First wet").wait_for()
    page.locator(".ob-legend").get_by_text("Water body", exact=True).wait_for()
    told = page.get_by_text(re.compile(r"^\d+\.\d{5}° N, \d+\.\d{5}° E$"))
    expect(told).to_be_in_viewport(ratio=0.99)
    expect(page.locator(".ob-clicked")).to_be_in_viewport(ratio=0.99)
    until(lambda: is_marked(page, place), "the mark is not where the click was")
    shown = page.locator(".ob-indices > div").filter(has_text="MNDWI").inner_text()
    date = page.get_by_role("combobox", name="Date").input_value()
    with rasterio.open(images / f"{date}.tif") as image:
        x, y = rasterio.warp.transform("EPSG:4326", image.crs, [place.x], [place.y])
        row, column = image.index(x[0], y[0])
        read = dict(zip(image.descriptions, image.read()[:, row, column], strict=True))
    green, swir = ((float(read[band]) - 1000) / 10_000 for band in ("green", "swir16"))
    number = float(shown.split()[-1].replace("\u2212", "-"))
    assert number == pytest.approx(
        (green - swir) / (green + swir), abs=0.02
    )  # of a pixel beside it
    told = page.get_by_role("img", name=re.compile("^This place through time")).get_attribute(
        "aria-label"
    )
    assert [day for day in DATES if day in told] == DATES
    assert "Water" in told


def test_a_map_stays_in_its_frame_when_a_telephone_is_turned(page, server, season):
    resize(page, 1000, 450)
    page.goto(f"{server.address}/runs/{season}")
    until(lambda: pixels(page, WATER) > 500, "no water was painted")
    resize(page, 450, 1000)
    require_that_it_fits(page)


def test_a_person_names_a_cluster(page, server, cover):
    """The portrait shows where it is; with another name map, legend and votes follow."""
    page.goto(f"{server.address}/runs/{cover}")
    portrait = page.get_by_role("button", name=re.compile("^Show on the map: cluster")).first
    portrait.locator("img").scroll_into_view_if_needed()
    until(
        lambda: portrait.locator("img").evaluate("i => i.complete && i.naturalWidth") > 300,
        "there is no picture",
    )
    portrait.click()
    page.locator(".ob-only img.leaflet-tile-loaded").first.wait_for()
    expect(portrait).to_have_attribute("aria-pressed", "true")
    assert pixels(page, MOSS) == 0
    page.get_by_label("Your name for it").first.click()
    page.get_by_role("option", name="Moss and lichen").click()
    page.get_by_role("button", name="Make the map with these names").click()
    page.get_by_text("human: Moss and lichen, 100%").wait_for()
    assert until(lambda: pixels(page, MOSS) > 1000, "the map did not follow")
    page.locator(".ob-legend").get_by_text("Moss and lichen").wait_for()
    result = server.get(f"/api/runs/{cover}/result").json()
    largest = max(result["clusters"], key=lambda row: row["share"])
    assert (largest["code"], largest["confidence"]) == (100, 1.0)
    assert sum(row["code"] == 100 for row in result["clusters"]) == 1
    assert server.get(f"/api/runs/{cover}").json()["state"] == "done"


def test_pages_are_read_by_everybody(page, server, season, cover):
    """Axe finds nothing wrong, light and dark, in both languages, on a telephone too."""
    of_runs = [f"runs/{season}", f"runs/{season}?tab=figures", f"runs/{season}?tab=files"]
    views = ["", "new", *of_runs, f"runs/{cover}", "api"]
    for look, lang, width in (("light", "en", 1280), ("dark", "uk", 360)):
        resize(page, width, 800)
        page.goto(f"{server.address}/look/{look}")
        page.goto(f"{server.address}/lang/{lang}")
        for view in views:
            page.goto(f"{server.address}/{view}")
            page.wait_for_load_state("networkidle")
            require_that_all_can_read_it(page, f"{view} {look}")
            require_that_it_fits(page)


def test_the_list_is_the_folder(page, server):
    """What the command line leaves appears; what is deleted here is away there, and comes back."""
    made, other = (server.folder / name for name in ("from the command line", "changing"))
    for folder in (made, other):
        folder.mkdir()
        (folder / "config.yaml").write_text("job: water\nsource: 'sample:'\n", "utf-8")
    page.goto(server.address)
    link = page.get_by_role("link", name="from the command line")
    link.wait_for()
    page.get_by_role("button", name="More: from the command line").click()
    (other / "result.json").write_text("{}", "utf-8")
    page.locator(".ob-card", has_text="changing").locator(".ob-state.partial").wait_for()
    page.get_by_text("Rename", exact=True).click()  # the menu is open still
    page.get_by_label("New name").fill("<b>bold</b>")
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("cannot be the name of a folder").wait_for()
    page.get_by_role("button", name="More: from the command line").click()
    page.get_by_text("Delete", exact=True).click()
    page.get_by_role("button", name="Undo").wait_for()
    assert not made.exists()
    page.get_by_text("Deleted in the last week").wait_for()
    page.get_by_role("button", name="Undo").click()
    until(made.exists, "it did not come back")
    until(lambda: server.get("/api/deleted").json() == [], "it is still among what was deleted")


def test_a_district_is_drawn(page, server):
    """What a run would do is told; a box drawn over the last image is a file that it is given."""
    page.goto(f"{server.address}/new")
    chosen = page.get_by_role("combobox", name="Images")
    chosen.fill("folder:season")
    chosen.press("Enter")
    page.get_by_role("button", name="What would it do?").click()
    rows = page.get_by_role("region", name="Images").locator("tbody tr")
    rows.first.wait_for()
    assert [row.split()[0] for row in rows.all_inner_texts()] == DATES
    page.get_by_text("Images to map: 3, 2023-05-01 – 2023-09-30.").wait_for()
    page.get_by_text("Grid: 96 × 96 pixels of 10\u00a0m, EPSG:32636.").wait_for()
    page.get_by_text("nothing is fetched").wait_for()
    page.get_by_role("button", name="Draw").click()
    page.get_by_text("Beneath: folder:season, last image, 2023-09-30").wait_for()
    under = page.locator(".leaflet-image-layer")
    assert until(lambda: under.evaluate("i => i.naturalWidth"), "no image lies beneath") >= 90
    page.locator(".leaflet-draw-draw-rectangle").click()
    box = page.locator(".q-dialog .ob-map").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 300, steps=5)
    page.mouse.up()
    page.get_by_text("1 drawn").wait_for()
    page.get_by_role("button", name="Apply").click()
    district = page.get_by_role("combobox", name="District")
    until(lambda: district.input_value() == "folder:uploads/drawn.geojson", "it was not kept")
    from obriy.sources.districts import read_districts

    kept = server.folder / ".obriy-serve" / "uploads" / "drawn.geojson"
    (drawn,) = read_districts(str(kept))
    assert drawn.name == "District 1"
    assert drawn.geometry.area > 0
    assert drawn.geometry.equals(drawn.geometry.envelope)
