"""The map of a report in a real browser: moved, asked, without a script, in print."""

import base64
import hashlib
import json
import re
from pathlib import Path

import geopandas
import numpy as np
import pyproj
import pytest
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from tests.browsing import (
    BROWSER,
    browsing,
    new_page,
    require_that_all_can_read_it,
    require_that_it_fits,
    resize,
)
from tests.conftest import utm_grid

from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.flags import Unseen
from obriy.model.grid import coords_of
from obriy.model.layers import LAYERS
from obriy.model.legend import load_legend
from obriy.outputs.pages import script_source
from obriy.outputs.report import moving
from obriy.render import sheets
from obriy.render.pictures import Shares
from obriy.render.text import text_of
from obriy.simulate.folder import dates_between, simulate_to_folder
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import run_job

WATER = (0x1F, 0x5F, 0xA8)
"""Colour of water in tables/legends/water.toml."""
NASTY = "</script><b>Захід"


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    """A season of a place with a district; its run, with a report in Ukrainian."""
    folder = tmp_path_factory.mktemp("moving")
    images = folder / "images"
    dates = dates_between(3, "2023-05-01", "2023-09-30")
    simulate_to_folder(images, dates=dates, size=(96, 96), setting="easy_clear")
    frame = geopandas.read_file(images / "districts.gpkg", layer="districts").iloc[:2]
    frame["name"] = [NASTY, "Схід"]
    frame.to_file(folder / "d.gpkg", driver="GPKG")
    given = {"source": str(images), "aoi": str(folder / "d.gpkg"), "out": folder / "run"}
    return run_job(make_config(WaterConfig, {**given, "lang": "uk"}))


@pytest.fixture(scope="module")
def browser():
    if not BROWSER.exists():
        pytest.skip(f"no browser at {BROWSER}: apt-get install chromium")
    with browsing() as opened:
        yield opened


def opened(browser, run, **how):
    """Open a report from disk; what leaves this machine, and what breaks, is noted."""
    page = new_page(browser, viewport={"width": 1000, "height": 900}, **how)
    page.broken = []
    page.on("pageerror", lambda error: page.broken.append(str(error)))
    page.on("request", lambda r: r.url[:5] in ("file:", "data:") or page.broken.append(r.url))
    page.goto(f"file://{run.result.outputs['report']}")
    if how.get("java_script_enabled", True):
        page.wait_for_selector("#moving[data-ready]")
    return page


def shapes(page, kind):
    found = page.evaluate(f"{MOVING}.shapes")
    return [(k, shape) for k, shape in enumerate(found) if shape["kind"] == kind]


MOVING = "document.getElementById('moving').moving"


def told(page):
    """Return what the panel says: heading, name and figures of each part."""
    return page.eval_on_selector_all(
        "#moving .told > div",
        """parts => parts.map(p => ({name: p.querySelector('.name').textContent,
        facts: Object.fromEntries([...p.querySelectorAll('dl div')].map(row =>
            ['dt', 'dd'].map(tag => row.querySelector(tag).textContent)))}))""",
    )


def click(page, shape):
    """Click where the name of a shape stands, wherever the map was moved to."""
    x, y = page.evaluate(
        """([x, y]) => { const m = document.getElementById('moving').moving;
        return m.toScreen(x, y * m.aspect); }""",
        shape["at"],
    )
    page.locator("#moving canvas").click(position={"x": x, "y": y})


def scale(page):
    return page.evaluate(f"{MOVING}.view.scale")


def test_a_click_on_a_water_body_tells_the_figures_of_the_result(browser, season):
    page, text = opened(browser, season), text_of("uk")
    canvas = page.locator("#moving canvas")
    before = scale(page)
    page.get_by_role("button", name="Збільшити").click()
    assert scale(page) == pytest.approx(2 * before)
    canvas.focus()
    page.keyboard.press("0")
    assert scale(page) == pytest.approx(before)
    body = season.result.bodies.largest[0]
    [shape] = [s for _, s in shapes(page, "body") if s["name"] == f"№{body.number}"]
    click(page, shape)
    [first] = [one for one in told(page) if one["name"] == f"№{body.number}"]
    assert first["facts"]["Номер у файлах"] == body.id
    area = body.area_max_km2
    shown = f"{text.area(area)} ({text.hectares(area)})"
    assert first["facts"]["Найбільша площа води"] == shown
    assert first["facts"]["Уперше з водою"] == body.first_water
    assert "Вода" in [one["name"] for one in told(page)]
    assert page.broken == []


def test_a_district_has_its_best_estimate_its_interval_and_what_was_unseen(browser, season):
    page, text = opened(browser, season), text_of("uk")
    [row] = [d for d in season.result.districts if d.district == NASTY]
    number, _ = next(found for found in shapes(page, "district") if found[1]["name"] == NASTY)
    page.locator("#moving select").select_option(str(number))
    [said] = told(page)
    low, high = row.interval_km2
    assert said["name"] == NASTY  # a name is words, whatever it looks like
    assert said["facts"]["Найкраща оцінка"] == text.area(row.expected_km2)
    assert said["facts"]["90\u00a0% інтервал"].endswith(text.area(high))
    assert said["facts"]["90\u00a0% інтервал"].startswith(text.area(low).split("\u00a0км")[0])
    assert said["facts"]["Не видно"] == text.percent(row.unseen_share)
    assert page.broken == []


def test_coordinates_under_the_pointer_are_those_of_the_grid(browser, season):
    page = opened(browser, season)
    data = json.loads(page.locator("#moving-data").text_content())
    a, b, c, d, e, f = data["affine"]
    x, y = a * 30 + b * 40 + c, d * 30 + e * 40 + f
    item = json.loads(season.folder.joinpath("maps", "2023-05-01", "item.json").read_text())
    to_lonlat = pyproj.Transformer.from_crs(
        item["properties"]["proj:code"], "EPSG:4326", always_xy=True
    )
    lon, lat = to_lonlat.transform(x, y)
    said = page.evaluate(f"{MOVING}.place(30, 40 * {MOVING}.aspect)")
    numbers = [float(n.replace(",", ".")) for n in re.findall(r"\d+,\d+", said)]
    assert numbers == pytest.approx([lat, lon], abs=1.5e-5)
    plane = [int(n.replace("\u202f", "")) for n in re.findall(r"[xy] ([\d\u202f]+)", said)]
    assert plane == [pytest.approx(x, abs=1), pytest.approx(y, abs=1)]


def test_what_is_painted_follows_the_switches(browser, season):
    page = opened(browser, season)

    def count():
        return page.eval_on_selector(
            "#moving canvas",
            """(canvas, colour) => {
            const pen = canvas.getContext('2d');
            const d = pen.getImageData(0, 0, canvas.width, canvas.height).data;
            const like = (i) => colour.every((value, k) => Math.abs(d[i + k] - value) < 3);
            let n = 0;
            for (let i = 0; i < d.length; i += 4) n += like(i);
            return n; }""",
            WATER,
        )

    page.locator("[data-opacity=map]").fill("100")
    painted = count()
    page.locator("[data-sheet=map]").uncheck()
    assert count() < painted / 20
    page.locator("[data-sheet=map]").check()
    assert count() == painted


def test_without_a_script_and_in_print_the_page_has_pictures(browser, season):
    page = opened(browser, season, java_script_enabled=False)
    assert page.locator("#moving").is_hidden()
    assert page.locator("figure svg image").count() >= 1
    assert page.locator("figure svg image").first.bounding_box()["width"] > 100
    page = opened(browser, season)
    page.emulate_media(media="print")
    assert page.locator("#moving").is_hidden()


@pytest.mark.parametrize("width", [360, 2560])
def test_no_width_of_a_screen_makes_the_page_wider_than_it(browser, season, width):
    page = opened(browser, season)
    resize(page, width, 800)
    require_that_it_fits(page)
    canvas = "document.querySelector('#moving canvas').getBoundingClientRect()"
    page.wait_for_function(f"{canvas}.width > {0.4 * min(width, 1088)}")


def test_a_map_fills_its_frame_on_a_phone(browser, season):
    page = opened(browser, season)
    resize(page, 360, 800)
    page.wait_for_function(
        """() => { const box = document.querySelector('#moving canvas').getBoundingClientRect();
        return Math.abs(box.height - box.width) < 3; }"""
    )  # 96 x 96 pixels


def test_outlines_have_a_legend(browser, season):
    page = opened(browser, season)
    key = page.locator("#moving [data-legend=outlines]")
    assert key.inner_text().split() == [text_of("uk")(f"moving.{k}") for k in ("district", "body")]
    colours = key.locator("i").evaluate_all("all => all.map(i => i.style.borderColor)")
    drawn = {shape["kind"]: shape["colour"] for _, shape in shapes(page, "body")}
    assert [int(v) for v in re.findall(r"\d+", colours[1])] == [
        int(drawn["body"][i : i + 2], 16) for i in (1, 3, 5)
    ]
    sizes = page.locator("#moving .layer label").evaluate_all(
        "all => all.map(label => getComputedStyle(label).fontSize)"
    )
    assert len(set(sizes)) == 1, "a switch is written as large as another"
    page.locator("#moving [data-over=outlines]").uncheck()
    assert key.is_hidden()


def test_a_long_name_of_a_file_is_broken_before_it_makes_a_phone_scroll(browser, season):
    page = opened(browser, season)
    resize(page, 360, 800)
    page.eval_on_selector(".plain", "words => words.append(' S2_L2A_' + 'aquileia_'.repeat(9))")
    require_that_it_fits(page)


def test_a_note_out_of_view_leaves_a_row_of_a_phone_low(browser, season):
    page = opened(browser, season)
    resize(page, 360, 800)
    note = "cloud 56.6%, no data 13.5%, cloud shadow 12.9%, snow or ice 0.1%"
    page.eval_on_selector(
        ".scroll table:not(.bars) tbody tr", f"row => row.insertCell().textContent = '{note}'"
    )
    row = page.locator(".scroll table:not(.bars) tbody tr").first
    assert row.bounding_box()["height"] < 90  # it was a word a line


def test_two_fingers_zoom_and_one_moves(browser, season):
    page = opened(browser, season, has_touch=True)
    box = page.locator("#moving canvas").bounding_box()
    page.locator("#moving canvas").scroll_into_view_if_needed()
    before = scale(page)
    page.eval_on_selector(
        "#moving canvas",
        """canvas => { const box = canvas.getBoundingClientRect();
        canvas.setPointerCapture = () => {};
        const send = (kind, id, x, y) => canvas.dispatchEvent(new PointerEvent(kind, {pointerId: id,
          pointerType: 'touch', clientX: box.left + x, clientY: box.top + y, bubbles: true}));
        send('pointerdown', 1, 300, 200); send('pointerdown', 2, 400, 200);
        send('pointermove', 2, 500, 200);
        send('pointerup', 1, 300, 200); send('pointerup', 2, 500, 200); }""",
    )
    assert scale(page) == pytest.approx(2 * before)
    assert box["width"] > 0


def test_a_picture_has_a_bounded_weight_whatever_it_shows():
    """Noise is the worst there is: no neighbour is like another."""
    shape = (sheets.LARGEST, sheets.LARGEST)
    labels = np.random.default_rng(3).integers(0, 3, shape, "uint8")
    grid = utm_grid(shape)
    noise = ClassMap(
        xr.DataArray(labels, dims=("y", "x"), coords=coords_of(grid)), load_legend("water")
    )
    sheet = sheets.class_sheet(Shares.of(noise), text_of("en"), opacity=1.0)
    assert len(sheet.source) * 3 / 4 <= 320_000
    codes, classes = sheets.class_codes(Shares.of(noise), text_of("en"))
    assert len(codes) * 3 / 4 <= 320_000
    assert set(classes) <= {1, 2}


def test_the_legend_of_a_layer_names_what_occurs_in_it():
    unseen = LAYERS["unseen"]
    codes = xr.DataArray(np.full((4, 4), int(Unseen.CLOUD), "uint8"), dims=("y", "x"))
    codes[0, 0] = int(Unseen.SHADOW)
    every = [(name.name, colour) for name, colour in unseen.codes.items()]
    shown = sheets.layer_sheet(unseen, codes, "Why", every).legend
    assert [title for title, _ in shown] == ["CLOUD", "SHADOW"]


def test_many_corners_leave_out_the_smallest_bodies():
    """The largest come first; districts are never left out."""
    angles = np.linspace(0, 2 * np.pi, 3000)
    star = np.column_stack([50 + 40 * np.cos(angles), 50 + 40 * np.sin(angles)])
    bodies = [(shapely.Polygon(star), {"id": k, "area_m2": 1e6 / (k + 1)}) for k in range(40)]
    district = District("A", shapely.Polygon(star), None)
    view = sheets.MapView(
        utm_grid((100, 100)), [], outlines={"A": district.geometry}, bodies=bodies
    )
    made = moving.moving_map(text_of("en"), view, None, body=moving.patch)
    found = json.loads(made.data)["shapes"]
    assert [shape["kind"] for shape in found] == ["district"] + ["body"] * (len(found) - 1)
    assert sum(len(ring) // 2 for shape in found for ring in shape["rings"]) <= moving.MOST_POINTS
    assert [shape["name"] for shape in found[1:4]] == ["№0", "№1", "№2"]


def test_a_map_offers_no_switch_of_what_it_has_not():
    """Outlines and names without a district or a body, degrees without a CRS."""
    grid = utm_grid((100, 100))
    nowhere = GeoBox(grid.shape, grid.affine, None)
    outline = shapely.box(10, 10, 90, 90)  # in pixels

    def switches(grid, outlines):
        view = sheets.MapView(grid, [], outlines=outlines)
        return moving.moving_map(text_of("en"), view, None).overs

    assert switches(grid, {"A": outline}) == ["outlines", "names", "graticule"]
    assert switches(grid, {}) == ["graticule"]
    assert switches(nowhere, {}) == []


def test_the_page_of_obriy_serve_lets_this_script_run_and_no_other(season):
    """In its sandbox a report may run what has this hash: to the letter what stands in the page."""
    page = Path(season.result.outputs["report"]).read_text("utf-8")
    [script] = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert script_source("moving.js") == f"'sha256-{digest}'"
    assert "'unsafe-inline'" not in script_source("moving.js")


@pytest.mark.parametrize("look", ["light", "dark"])
def test_a_report_is_read_by_everybody(browser, season, look):
    require_that_all_can_read_it(opened(browser, season, color_scheme=look), look)
