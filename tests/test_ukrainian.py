"""No English is left in what a Ukrainian run shows: every job's report, and every picture."""

import ast
import dataclasses
import html.parser
import re
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from matplotlib.text import Text
from tests.test_damage import damage
from tests.test_damage import write as write_chequers
from tests.test_landcover_command import truth, write_codes, write_scene
from tests.test_water_command import write_image

import obriy
from obriy.cli.show import Screen
from obriy.indices.catalogue import all_indices
from obriy.model.bands import QUALITY, SPECTRAL
from obriy.model.clusters import ClusterFacts, Spread
from obriy.model.notices import in_language
from obriy.model.provenance import versions
from obriy.render.comparison import comparison_figure
from obriy.render.ice_comparison import ice_agreement_figure, ice_comparison_figure
from obriy.render.learning import learning_figure
from obriy.render.spectra import spectrum_figure
from obriy.runs.result_file import read_result
from obriy.simulate.ice.folder import simulate_ice_folder
from obriy.tables import load_toml
from obriy.workflows.config.base import make_config
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.config.water import WaterCompareConfig, WaterConfig
from obriy.workflows.jobs import run_job

NAMES = {
    # Formats, units of software, abbreviations that Ukrainian texts have in Latin letters.
    "GeoTIFF", "GeoPackage", "CSV", "JSON", "PNG", "STAC", "EPSG", "IoU", "F1", "NDSI", "QGIS",
    "RGB", "MODIS", "NASA", "ESA", "WorldCover", "JRC", "Global", "Surface", "Water", "Obriy",
    "WGS", "UTM", "zone", "Enter", "Ctrl",
    "obriy", "Terra", "Aqua", "terra", "aqua", "maps", "docs", "design", "md",
    # Symbols of the water balance, and columns that a user writes.
    "W_eva", "E_add", "W_eva0", "land_evaporation_mm",
    # What a user types: methods, rules of the panel, legends, settings, machine names of classes.
    "auto", "kmeans", "spectral", "majority", "weights", "otsu", "valley", "zero", "worldcover",
    "water", "not_water", "ice", "mod29", "Dice", "blue_green_red_nir_swir16_swir22",
}  # fmt: skip
"""Words that are the same in both languages."""
FILE = re.compile(
    r"[\w./-]+\.(?:tif|json|csv|gpkg|html|png|yaml|hdf)\b|(?:/[\w.-]+){2,}/?"  # files, folders
    r"|[a-z]+:[a-z0-9.]+|[-0-9.(*+ ]+ \* \(?[a-z0-9 +*.-]+\)?"  # methods, formulas
    r"|--[a-z-]+|\bu\w{9}\b|\d{4}-\d\d-\d\dT\d{4}\w*",  # options, bodies, moments of an image
)
CITED = re.compile(r"(19|20)\d\d|doi:|LSDS|ATBD")
"""Whoever looks for a paper needs it under its own title."""


class Visible(html.parser.HTMLParser):
    """Collects what a reader sees or hears of a page: text, titles, descriptions of pictures."""

    EMPTY = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self, page):
        super().__init__()
        self.open, self.pieces = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.pieces += [v for k, v in attrs if k in ("alt", "title", "aria-label") and v]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        self.open.pop()

    def handle_data(self, data):
        if data.strip() and not {"script", "style", "code", "pre"} & set(self.open):
            self.pieces.append(" ".join(data.split()))


def known_words():
    bands = (*SPECTRAL, *QUALITY)
    return {w.lower() for w in (*NAMES, *bands, *versions(), *all_indices())}


def foreign(pieces):
    """Return the pieces that hold a Latin word of no name, or a number with a decimal point."""
    known, found = known_words(), []
    for piece in pieces:
        rest = FILE.sub(" ", piece)
        words = re.findall(r"[A-Za-z][A-Za-z0-9_'-]+", rest)
        odd = any(word.lower() not in known for word in words)
        point = re.search(r"(?<![\w.])\d+\.\d+(?![\w.])", rest)
        version = re.fullmatch(r"[\d.]+(?:\.?(?:post|dev|rc)\d+)?", piece)
        if (odd and not CITED.search(piece)) or (point and not version and not CITED.search(piece)):
            found.append(piece)
    return found


def english_of_notices():
    """Return what English says of each notice, the longest part without a hole."""
    parts = (re.split("{.*?}", said) for said in load_toml("text_en")["notices"].values())
    longest = (max(found, key=len).strip() for found in parts)
    return [said for said in longest if len(said) > 10]


def write_districts(path):
    west, north = 500_000, 5_200_000
    boxes = [shapely.box(west + x, north - 640, west + x + 400, north) for x in (0, 400)]
    frame = geopandas.GeoDataFrame({"name": ["Захід", "Схід"]}, geometry=boxes, crs="EPSG:32636")
    frame.to_file(path, driver="GPKG")
    return path


WEATHER = "month;w_eva0_mm;x_mm;y_mm\n2025-06;131,5;72;6,1\n2025-07;142;268;5,4\n"
REGISTER = "name;district;kind;area_km2\nСтав;Захід;ставок;0.05\nРіка;Схід;річка;0.02\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Images of a lake on four dates with a hole in one, districts, tables."""
    folder = tmp_path_factory.mktemp("uk")
    (folder / "знімки").mkdir()
    y, x = np.mgrid[:64, :80]
    for date, radius in {"20250605": 10, "20250625": 14, "20250705": 16, "20250715": 18}.items():
        hidden = x < 40 if date == "20250625" else None
        lake = np.hypot(y - 32, x - 40) < radius
        write_image(folder / "знімки" / f"S2B_{date}.tif", lake, missing=hidden)
    write_codes(folder / "reference.tif", np.where(np.hypot(y - 32, x - 40) < 13, 80, 10))
    write_districts(folder / "districts.gpkg")
    (folder / "weather.csv").write_text(WEATHER)
    (folder / "register.csv").write_text(REGISTER)
    return folder


def water(place, name, source, **values):
    given = {"source": str(place / source), "out": place / name, "lang": "uk", **values}
    return run_job(make_config(WaterConfig, given))


def image(place):
    return water(place, "image", "знімки/S2B_20250625.tif", aoi=str(place / "districts.gpkg"),
                 reference=str(place / "reference.tif"))  # fmt: skip


def expression(place):
    return water(place, "expression", "знімки/S2B_20250625.tif",
                 method="majority(ndwi:otsu, mndwi:valley, aweinsh:zero)")  # fmt: skip


def series(place):
    return water(
        place, "series", "знімки", aoi=str(place / "districts.gpkg"), fill=True,
        register=str(place / "register.csv"), evaporation=str(place / "weather.csv"),
        change=("2025-06", "2025-07"), method="ndwi:0.05",
    )  # fmt: skip


def whole_image_series(place):
    return water(place, "whole", "знімки", register="0.04", datetime="2025-06")


def landcover(place):
    codes = truth((48, 64))
    scene, reference = write_scene(place / "місто.tif", codes), write_codes(place / "r.tif", codes)
    values = {"source": str(scene), "reference": str(reference), "out": place / "landcover"}
    return run_job(make_config(LandcoverConfig, values | {"lang": "uk"}))


def methods_for_water(place):
    """Compare methods and thresholds; the reference is of another grid and another legend."""
    values = {"source": str(place / "знімки/S2B_20250705.tif"), "out": place / "methods",
              "reference": str(place / "reference.tif"), "sweep": "ndwi", "lang": "uk"}  # fmt: skip
    return run_job(make_config(WaterCompareConfig, values))


def ice(place, method="auto"):
    bay = place / "затока"
    if not bay.exists():
        simulate_ice_folder(bay, dates=["2020-10-20", "2021-02-03"], seed=11)
    values = {"sources": [str(bay)], "land": str(bay / "land.tif"), "lang": "uk"}
    values |= {"out": place / method, "method": method, "reference": str(bay / "labels")}
    return run_job(make_config(IceConfig, values))


def ice_tests(place):
    return ice(place, "mod29")


def ice_clusters(place):
    return ice(place, "kmeans")


JOBS = (
    image, expression, series, whole_image_series, landcover, ice, ice_tests, ice_clusters,
    methods_for_water,
)  # fmt: skip


@pytest.mark.parametrize("job", JOBS)
def test_a_report_is_ukrainian_and_every_raster_beside_it_has_a_style(place, job, capsys):
    run = job(place)
    Screen(quiet=False).summary(run.result, "uk", before=True)
    said = capsys.readouterr().out.splitlines()
    assert any("завершено" in line for line in said)
    listed = set(run.result.outputs)  # names of outputs are for programs, as in result.json
    assert foreign([line for line in said if line.partition(":")[0] not in listed]) == []
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert foreign(Visible(page).pieces) == []
    assert [said for said in english_of_notices() if said in page] == []
    told = read_result(run.folder)  # from JSON: its sentences are notices again
    assert [said for said in told.warnings if in_language(said, "uk") == said] == []
    rasters = list(run.folder.rglob("*.tif"))
    assert rasters
    assert [p.name for p in rasters if not p.with_suffix(".qml").exists()] == []


def test_what_failed_is_said_in_the_language_of_whoever_reads(tmp_path):
    """A part of a date is damaged, another is a web page; the run goes on, and is read again."""
    for day in (5, 6):
        write_chequers(tmp_path / "in" / f"2025-06-0{day}.tif")
    damage(tmp_path / "in" / "2025-06-06.tif", (0, 0))
    (tmp_path / "in" / "2025-06-09.tif").write_bytes(b"<html>Log in.</html>")
    values = {"source": str(tmp_path / "in"), "method": "ndwi:zero", "out": tmp_path / "run"}
    for _ in range(2):
        run_job(make_config(WaterConfig, {**values, "outputs": []}))
        told = read_result(tmp_path / "run")
        reasons = [one.reason for one in (*told.failed, *told.dates) if one.reason]
        assert len(reasons) == 4
        for said in (*reasons, *told.warnings):
            ukrainian = in_language(said, "uk")
            assert re.search("не читаються .*завантажте|вебсторінка", ukrainian), said
            assert not re.search("cannot be read|damaged|Log in", ukrainian)
        (tmp_path / "run" / "result.json").unlink()


def test_every_step_and_field_that_a_record_can_have_has_words():
    """What sources, methods and services note of themselves is told in words, of any job."""
    steps, fields = set(), set()
    for file in (Path(obriy.__file__).parent).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "with_step":
                steps |= {one.value for one in node.args[:1] if isinstance(one, ast.Constant)}
                fields |= {one.arg for one in node.keywords if one.arg}
            if isinstance(node, ast.Dict):
                keys = {one.value for one in node.keys if isinstance(one, ast.Constant)}
                of_an_item = keys & {"rel", "roles"}  # a link or an asset of STAC, no record
                fields |= keys if "href" in keys and not of_an_item else set()
    assert len(steps) > 15
    assert len(fields) > 40
    for lang in ("en", "uk"):
        words = load_toml(f"text_{lang}")
        assert sorted(steps - set(words["steps"])) == []
        assert sorted(fields - set(words["fields"])) == []


# Pictures that no report holds as text


@dataclasses.dataclass(frozen=True)
class Epoch:
    number: int
    loss: float
    validation_loss: float
    validation_iou: float
    iou: float


def learning():
    epochs = [Epoch(n, 1 / n, 1.2 / n, 1 - 0.5 / n, 1 - 0.4 / n) for n in range(1, 9)]
    return learning_figure(epochs, 6, 0.875, of="ice", lang="uk")


def spectrum():
    spread = Spread(0.012, 0.031, 0.074)
    bands = ("blue", "green", "red", "nir", "swir16", "swir22")
    facts = ClusterFacts(1, 9, 0.5, dict.fromkeys(bands, spread), {}, {}, {}, {}, 1.0, {})
    return spectrum_figure(facts, "sentinel2_l2a", lang="uk")


def land_cover_methods():
    scores = dict.fromkeys(("overall_accuracy", "mean_iou", "merged_overall_accuracy"), 0.625)
    row = {"method": "kmeans", "clusters": 12, "found": 12, **scores}
    best = {"ceiling_overall_accuracy": 0.75, "ceiling_mean_iou": 0.5}
    return comparison_figure([row | best, row | {"clusters": "auto"}], "uk")


def ice_methods():
    row = {"method": "auto", "kind": "untrained", "iou": 0.75, "cloud_as_ice": 0.025,
           "iou_interval": (0.7, 0.8)}  # fmt: skip
    return ice_comparison_figure(
        [row, row | {"method": "kmeans", "iou": None}], "uk", {"auto": 0.9}
    )


def ice_agreement():
    labels = np.array([[1, 2], [3, 4]], "uint8")
    return ice_agreement_figure([("Затока", labels, labels / 4)], "uk", 3)


@pytest.mark.parametrize(
    "picture", [learning, spectrum, land_cover_methods, ice_methods, ice_agreement]
)
def test_a_picture_is_ukrainian(picture):
    figure = picture()
    figure.canvas.draw()
    said = [t.get_text() for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    assert len(said) > 4
    assert foreign(said) == []


def test_shares_of_an_axis_are_written_as_those_beside_its_bars():
    figure = ice_methods()
    figure.canvas.draw()
    side = figure.axes[1]
    assert [word.get_text() for word in side.texts] == ["2,5\u00a0%"] * 2
    ticks = [tick.get_text() for tick in side.get_xticklabels()]
    assert ticks[:2] == ["0\u00a0%", "1\u00a0%"]
