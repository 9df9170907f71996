"""The report: both languages, parses, loads nothing, says what it must."""

import html.parser
import re
import tomllib
from importlib import resources

import numpy as np
import pytest
import xarray as xr
from tests.conftest import utm_grid

from obriy.blocks.base import Histogram
from obriy.methods import thresholds
from obriy.model.areas import Area, AreaSeries
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.model.scores import ClassScore, Scores
from obriy.outputs.report import water
from obriy.outputs.report.page import Report, render_page, write_page
from obriy.outputs.report.record import source_title
from obriy.render.figures import to_svg
from obriy.render.maps import map_figure
from obriy.render.plots import histogram_figure
from obriy.render.text import text_of
from obriy.sources.land_mask import UNMASKED

LANGS = ("en", "uk")
VOID = {"meta", "br", "link", "img", "input", "hr"}


class _Page(html.parser.HTMLParser):
    """Checks that tags close, and collects text and addresses."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.words, self.tags = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href", "data", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words)).replace("\xa0", " ")


def _keys(table, prefix=""):
    """Yield keys and holes; sentences of the stages are English already and need no table."""
    for key, value in table.items():
        if not prefix and key in ("sentences", "patterns", "notices"):
            continue
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", sorted(re.findall(r"{(\w+)}", value))


def _table(lang):
    return tomllib.loads((resources.files("obriy.tables") / f"text_{lang}.toml").read_text("utf-8"))


def test_both_languages_have_the_same_keys_and_holes():
    assert dict(_keys(_table("en"))) == dict(_keys(_table("uk")))


def _picture(lang):
    shape = (20, 30)
    bands = {
        name: xr.Variable(("y", "x"), np.random.default_rng(0).random(shape).astype("float32"))
        for name in ("blue", "green", "red")
    }
    scene = make_scene(bands, utm_grid(shape), sensor="unknown", provenance=Provenance())
    labels = xr.DataArray(
        np.full(shape, 2, "uint8"), dims=("y", "x"), coords=coords_of(utm_grid(shape))
    )
    return to_svg(map_figure(scene, ClassMap(labels, load_legend("water")), lang=lang), "map")


SCORES = Scores(
    overall_accuracy=0.9761,
    kappa=0.885,
    mean_iou=0.9,
    pixels=251_000,
    independent=True,
    classes=(
        ClassScore("not_water", 1, 0.99, 0.98, 0.985, 0.97),
        ClassScore("water", 2, 0.835, 0.973, 0.8987, 0.816),
    ),
    confusion=((210_000, 4_200), (800, 35_988)),
    unnamed=(12, 0),
    intervals={"water.f1": [0.87, 0.92]},
    unseen_share=0.03,
    reference="gsw.tif",
)


def _data(lang="en", *, title="scene.tif", **changes):
    provenance = (
        Provenance(inputs=({"href": "scene.tif", "size": 12},))
        .with_step("brand_new_step", deep=[{"first": 1.5}, {"second": {"third": True}}], empty=None)
        .with_step("water", method="mndwi:otsu", decision={"threshold": 0.0873, "rule": "otsu"})
        .with_warning("Part of the image is <broken> & lost.")
    )
    area = Area(
        "Lake <1>", "2019-04-16", 1234.5678, 1250.0, 4820.0, 0.0, 0.082, {"cloud": 0.082}, "partial"
    )
    result = {
        "job": "water",
        "method": "mndwi:otsu",
        "area_km2": 1234.5678,
        "expected_km2": 1250.5,
        "interval_km2": [1200.0, 1300.0],
        "bounds_km2": [1234.5678, 1629.8078],
        "unseen_share": 0.082,
        "dates": [{"date": "2019-04-16"}],
        "outputs": {"mask": "/somewhere/run/mask.tif"},
        "command": "obriy water 'scene.tif' --method mndwi:otsu",
        "provenance": provenance.to_dict(),
    }
    scores = changes.pop("scores", SCORES)
    result["evaluation"] = scores and scores.to_dict()
    drawn = histogram_figure(Histogram("MNDWI", (1, 9, 2, 4), -1, 1, 0.1), lang=lang)
    report = Report(
        title,
        lang,
        result | changes.pop("result", {}),
        changes.pop("provenance", provenance),
        {"map": _picture(lang), "histogram0": to_svg(drawn, "h0")},
    )
    return water.page(report, **({"areas": AreaSeries("water", (area,))} | changes))


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_is_whole_and_loads_nothing(lang, tmp_path):
    path = write_page(_data(lang), tmp_path / "report.html")
    text = path.read_text("utf-8")
    page = _Page(text)
    assert page.open == []
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in page.links)
    assert not {"script", "link", "iframe", "img"} & set(page.tags)
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []
    assert f'<html lang="{lang}">' in text


def test_the_first_screen_answers():
    text = _Page(render_page(_data())).text
    assert (
        "Water 1,250 km² best estimate for the whole district 1,200–1,300 km² its 90% interval "
        "1,235 km² of that seen 125,050 ha"
    ) in text
    assert "the area lies at 1,235–1,630 km², from nothing there to all of it, if the map" in text
    assert "8.2% could not be seen (cloud 8.2%)" in text
    assert "Against an independent reference: F1 of water 0.899, 90% interval 0.870–0.920." in text
    assert "Warnings to read: 1." in text


def test_the_first_screen_answers_in_ukrainian():
    text = _Page(render_page(_data("uk"))).text
    assert "Вода 1 250 км² найкраща оцінка для всієї ділянки" in text.replace("\u202f", " ")
    assert "Не видно 8,2 % території (хмари 8,2 %)" in text
    assert "F1 води 0,899" in text


def test_what_is_not_independent_is_called_agreement():
    import dataclasses

    text = _Page(render_page(_data(scores=dataclasses.replace(SCORES, independent=False)))).text
    assert "Agreement" in text
    assert "not an accuracy" in text
    assert "Accuracy " not in text


def test_without_an_estimate_what_was_seen_leads_and_nothing_counts_to_it():
    none = {"expected_km2": None, "interval_km2": None}
    text = _Page(render_page(_data(result=none))).text
    assert "Water 1,235 km² seen The figure is of what was seen: too little" in text
    assert "the area lies at 1,235–1,630 km²" in text
    assert "part of the best estimate" in _Page(render_page(_data())).text
    assert "best estimate and of its interval" not in text
    assert "The interval supposes" not in text


def test_without_area_scores_or_warnings():
    none = dict.fromkeys(("area_km2", "expected_km2", "interval_km2", "bounds_km2"))
    result = none | {"unseen_share": 0.0, "provenance": {}}
    data = _data(
        "en", result=result, areas=None, scores=None, provenance=Provenance(), share_of_seen=0.1234
    )
    page = _Page(render_page(data))
    assert "Area unknown" in page.text
    assert "12.3% of what was seen is water" in page.text
    assert "nothing here says how accurate it is" in page.text
    assert "Warnings" not in page.text
    assert page.open == []


def test_steps_that_nobody_foresaw_are_shown():
    text = _Page(render_page(_data())).text
    for word in ("brand new step", "first", "1.5", "third", "yes", "How water was told from land"):
        assert word in text
    assert "empty" not in text


def test_what_users_write_is_not_markup():
    text = render_page(_data(title="<script>alert(1)</script>"))
    assert "<script>" not in text
    assert "&lt;broken&gt; &amp; lost" in text
    assert "Lake &lt;1&gt;" in text


@pytest.mark.parametrize(
    ("value", "english", "ukrainian"),
    [
        (0.0, "0.00", "0,00"),
        (0.00126, "0.0013", "0,0013"),
        (0.5, "0.5000", "0,5000"),
        (12.3412, "12.34", "12,34"),
        (999.96, "1,000", "1\u202f000"),
        (31860.4, "31,860", "31\u202f860"),
    ],
)
def test_areas_are_written_with_four_figures(value, english, ukrainian):
    assert text_of("en").area(value) == f"{english}\u00a0km²"
    assert text_of("uk").area(value) == f"{ukrainian}\u00a0км²"


def test_small_shares_are_not_nothing_and_minus_is_minus():
    assert text_of("en").percent(0.0001) == "<\u00a00.1%"
    assert text_of("uk").percent(0) == "0,0\u00a0%"
    assert text_of("uk").number(-0.5, 1) == "−0,5"
    assert text_of("en").number(-0.001, 1) == "0.0"
    assert text_of("en").significant(0.0873) == "0.0873"
    assert text_of("en").significant(120000.0) == "120,000"


ROWS = "the brightest band has the median 0.123 and the 99th percentile 4567"
SENTENCES = {
    "mask of scene.tif band 1": "маска scene.tif, канал 1",
    "The list of bands calls band 1 of a.tif 'nir', and the file calls it blue (B02), and 1 more "
    "differ. The list was believed.": (
        "Перелік каналів називає канал 1 файлу a.tif «nir», а сам файл — «blue (B02)»; повірено"
    ),
    "Codes read as they were said: 1=water,0=land.": "Коди прочитано так, як вказав користувач: 1=",
    "Where the reference says nothing lies not_water, as the user said.": "не каже, там не вода",
    "a.kml has no column that says the class of a feature: inside its outlines lies water, as the "
    "user said what lies outside.": "У файлі a.kml немає стовпця з класом об'єкта: усередині конту",
    "The reference has one class (water) and says nothing of the rest of the map: what is mapped "
    "as water and is not could not be counted, so only its recall is known. Say what lies outside: "
    "--outside land (of a job: --reference-outside land).": "В еталоні один клас (вода)",
    "Points: 60, with a class and on the map: 59; the pixel that holds a point has its class. The "
    "scores speak of these pixels alone; areas with standard errors need a random sample (obriy "
    "sample).": "Точок 60, з класом і на карті 59",
    "Points that share a pixel with another and count as well: 3.": "і теж пораховані: 3.",
    "a.gpkg: features left out, as each has no geometry: 2 (Озеро), 5, ….": "без геометрії: 2 (Оз",
    "a.gpkg: features left out, as each has coordinates that are no numbers of a place (NaN, "
    "infinite, or beyond all measure): 2.": "чиї координати не є числами місця: 2.",
    "a.kml: features left out, as each is a Point, not a polygon: 2.": "пропущено точки",
    "a.kml: features left out, as each is a LineString, not a polygon or a point: 2.": (
        "пропущено об’єкти, що не є многокутниками: 2."
    ),
    "a.gpkg: no column says what the districts are called, so they are numbered (columns: Vyd). "
    "Rename the one that does to 'name'.": "тож вони пронумеровані (стовпці: Vyd)",
    "Districts with a name that is not theirs alone: 2. Each has a number now, e.g. Lake (2).": (
        "Ділянок, чия назва не лише їхня: 2. Тепер кожна має номер, напр. Lake (2)."
    ),
    "a.gpkg: the district 'Lake' crosses itself (at 30, 50): repaired, area -0.1%.": (
        "a.gpkg: межа ділянки «Lake» перетинає сама себе (at 30, 50): виправлено, площа "
        "−0,1\u00a0%."
    ),
    "a.gpkg: the district 'Lake' is not a valid polygon (Hole): repaired, area +2.5%.": (
        "a.gpkg: ділянка «Lake» — хибний полігон (Hole): виправлено, площа +2,5\u00a0%."
    ),
    "Codes read as water codes: 1 not water, 2 water: 1 not_water; 2 water. Recognised by its "
    "values.": "Коди прочитано як коди води: 1 не вода, 2 вода: 1 не вода; 2 вода. Розпізнано "
    "за значеннями.",
    "reflectance in green": "коефіцієнт відбиття, канал green",
    "0.6 of the diagonal of a sample's footprint, by view angle": (
        "0,6 діагоналі відбитка зразка, за кутом огляду"
    ),
    "Medians: NDVI -0.05, nir08 3.2 %, texture of nir 6.3 %, NDVI above 0 % of the scene, 30 % of "
    "its pixels inside patches.": "Медіани: NDVI −0,05, nir08 3,2\u00a0%, текстура nir 6,3\u00a0%, "
    "NDVI вищий, ніж у 0\u00a0% знімка, усередині плям 30\u00a0% його пікселів.",
    "NDVI 0.25": "NDVI 0,25",
    "blue 3.2 %": "blue 3,2\u00a0%",
    "texture of nir 6.3 %": "текстура nir 6,3\u00a0%",
    "NDVI above 19 % of the scene": "NDVI вищий, ніж у 19\u00a0% знімка",
    "30 % of its pixels inside patches": "усередині плям 30\u00a0% його пікселів",
    "The image: there is no picture of 55.0% of it: its whole is not estimated.": (
        "Знімок: 55,0\xa0% його площі не відзнято"
    ),
    "North: there is no picture of 91.5% of it: its whole is not estimated.": (
        "North: 91,5\xa0% ділянки не відзнято"
    ),
    "North: 35.0% of it lies outside the image.": "North: 35,0\xa0% ділянки лежить поза знімком.",
    "7 more districts lie outside: result.json lists them.": "Поза знімком лежать ще ділянки (7)",
    "91.5% of the district was not seen: outside 91.5%. There is no picture of 91.5% of it: its "
    "whole is not estimated.": "поза знімком 91,5\xa0%. Не відзнято 91,5\xa0%, тож площу на всій",
    "None of the 5 clusters got a name: the whole map is unknown.": (
        "Жоден кластер не дістав назви (усього їх 5): на всій карті не визначено нічого."
    ),
    "spectral: the record has no answer (1 of 5 clusters)": (
        "spectral: у записі немає відповіді (кластерів: 1 із 5)"
    ),
    "waiting for a person to fill in names.csv": "людина ще не заповнила names.csv",
    "human: waiting for a person to fill in names.csv (2 of 5 clusters)": (
        "human: людина ще не заповнила names.csv (кластерів: 2 із 5)"
    ),
    "spectral: the image is no reflectance (--scale), which all it knows is about "
    "(5 of 5 clusters)": "spectral: значення знімка не є коефіцієнтом відбиття",
    "No change between 2023-05 and 2023-07: on one side no date has a map.": (
        "Зміну не визначено (2023-05 and 2023-07)"
    ),
    "a.tif has no valid pixel: every number is no data. Take another date, or say with --nodata "
    "which number means missing.": "a.tif: немає жодного дійсного пікселя",
    "a.tif is a web page, not an image: the server sent HTML. Log in where the file lies, and "
    "download it again.": "a.tif: це не знімок, а вебсторінка",
    "a.tif is empty (0 bytes). Download it again.": "a.tif: файл порожній",
    "a.tif is cut short: it has 12 bytes and should have more. Download it again.": (
        "a.tif: файл обірвано"
    ),
    "On 3 of 21 dates, first on 2016-03-12: Rivers of the register were left out: 5.5 km².": (
        "На 3 датах із 21, найперше 2016-03-12: Річки"
    ),
    f"On 3 of 21 images, first on MOD02HKM.A2021049.0405: {UNMASKED}": (
        "На 3 знімках із 21, найперше MOD02HKM.A2021049.0405: Суходіл не замасковано:"
    ),
    "MOD09A1.hdf is the best of eight days: ice that moves is taken from several dates.": (
        "MOD09A1.hdf — найкраще з восьми днів"
    ),
    "2016-03-12: cloud 12.5%": "2016-03-12: хмари 12,5\u00a0%",
    "2019-02-02 failed: a.tif is not an image that can be read (not recognized). Open a GeoTIFF, "
    "COG, VRT, NetCDF or JPEG 2000 file.": "2019-02-02 — помилка: a.tif — не знімок",
    "a.tif is not an image that can be read (not recognized). Open a GeoTIFF, COG, VRT, NetCDF or "
    "JPEG 2000 file.": "a.tif — не знімок, який можна прочитати (not recognized).",
    "cloud 12.5%": "хмари 12,5\xa0%",
    "Otsu on 3 of 40 windows that hold two populations": (
        "Оцу за вікнами з двома сукупностями: 3 з 40"
    ),
    "one population: 0.55 of the variance lies between the classes": (
        "одна сукупність: між класами лежить 0,55 дисперсії"
    ),
    "one population: the smaller side holds 0.12% of the pixels": (
        "одна сукупність: у меншій частині 0,12\xa0% пікселів"
    ),
    "Nothing of the district was seen: cloud 91.5%, no data 8.5%.": (
        "На ділянці нічого не видно: хмари 91,5\xa0%, немає даних 8,5\xa0%."
    ),
    "1.5% of the district was not seen: shadow 1.5%.": (
        "Не видно 1,5\xa0% ділянки: тінь хмар 1,5\xa0%."
    ),
    "not complete: Lake 1.5, Bay": "неповні: Lake 1.5, Bay",
    "A part of the image could not be read: a.b.tif, band 2: rows 0-512, columns 1024-1536 cannot "
    "be read (TIFFReadEncodedTile() failed.).": (
        "Частину знімка не вдалося прочитати: a.b.tif, канал 2: рядки 0–512, стовпці 1024–1536 "
        "не читаються (TIFFReadEncodedTile() failed.)."
    ),
    "25.0% of the pixels hold 0 in every band: nothing was measured there, they are unseen. (If "
    "something was, say --nodata nan.)": (
        "25,0\xa0% пікселів мають 0 в усіх каналах: там нічого не виміряно, їх не видно. (Якщо "
        "виміряно, задайте --nodata nan.)"
    ),
    "25.0% of the pixels hold 0 in every band: they count as measured, as --nodata says.": (
        "25,0\xa0% пікселів мають 0 в усіх каналах: їх узято за виміряні, як каже --nodata."
    ),
    "0.2% of the pixels hold 0 in every band, and others come close to it: they were taken for a "
    "dark surface. If nothing was measured there, say --nodata 0.": (
        "0,2\xa0% пікселів мають 0 в усіх каналах, а інші близькі до цього: їх узято за темну "
        "поверхню. Якщо там нічого не виміряно, задайте --nodata 0."
    ),
    "2.5% of the pixels hold 255 in every band. If nothing was measured there, say --nodata 255.": (
        "2,5\xa0% пікселів мають 255 в усіх каналах. Якщо там нічого не виміряно, задайте --nodata "
        "255."
    ),
    "The band 'swir16' of a b.tif is empty (every pixel is 0 or no data): it was left out.": (
        "Канал swir16 файлу a b.tif порожній (кожен піксель — 0 або без даних): його відкинуто."
    ),
    "Metadata (processing baseline 05.09) say that the +0.1 of Sentinel-2 baseline 04.00 is in the "
    "numbers; the darkest pixels say otherwise, and were believed (--offset decides).": (
        "За метаданими (processing baseline 05.09) зсув +0,1"
    ),
    "Metadata (ADD_OFFSET = 0) say that the +0.1 of Sentinel-2 baseline 04.00 is not in the "
    "numbers; the darkest pixels say otherwise, and were believed (--offset decides).": (
        "За метаданими (ADD_OFFSET = 0) зсуву +0,1"
    ),
    "processing baseline 05.09": "версія обробки 05.09",
    f"The factor of sentinel2_l2a (0.0001) does not fit the numbers; 1.5e-05 was taken: {ROWS}.": (
        "Множник сенсора sentinel2_l2a (0,0001) не відповідає числам; взято 1,5e−05: "
        "найяскравіший канал має медіану 0,123 і 99-й процентиль 4567."
    ),
    "The image has digital numbers without an MTL: its values, divided by 255, are not "
    "reflectance, and thresholds from papers do not hold.": "Знімок містить цифрові числа без MTL",
    "The image is an 8-bit picture: its values, divided by 255, are not reflectance, and "
    "thresholds from papers do not hold.": "Знімок є 8-бітовою картинкою",
    "the table of landsat8_l1": "таблиця сенсора landsat8_l1",
    "sensor table, offset by the user": "таблиця сенсора, зсув задав користувач",
    "floats from -0.01 to 0.45 (1st and 99th percentile)": (
        "дійсні числа від −0,01 до 0,45 (1-й і 99-й процентилі)"
    ),
    ROWS: "найяскравіший канал має медіану 0,123 і 99-й процентиль 4567",
    f"{ROWS}, too bright for 1/10000, and all 16 bits are used": "зависоко для 1/10000",
    f"{ROWS}, and the visible bands at most 12.3: no land is so dark in green": "щонайбільше 12,3",
    f"{ROWS}: a dark image": "4567: темний знімок",
    "The image has no CRS; its pixels were taken to be 0.5 m wide, in a plane without a place on "
    "Earth.": "завширшки 0,5 м",
    "The nearest pixel of the reference is taken; it is finer, 2.5 pixels along a side of a map "
    "pixel.": "2,5 пікселя вздовж",
    "gsw 1.4.tif was laid on the map pixel by pixel: one has no CRS.": "gsw 1.4.tif накладено",
    "Not compared: ice, snow.": "Не порівнювали: ice, snow.",
    "Water: occurrence of at least 12.5 % (to 2021) and water in the scene; elsewhere not water, "
    "newer water too. Made from the mapped scene: an agreement, not an accuracy.": "12,5 %",
    "The quality band (bqa) has no shadow information: shadows of clouds may be mapped as water.": (
        "Канал якості (bqa)"
    ),
    "The files have bands that landsat8_l1 does not have or not as reflectance (B8A, B12): they "
    "may be of another sensor, and B3 or B5 of one is not B3 or B5 of the other. Leave --sensor "
    "away, or check it.": "яких landsat8_l1 не має або має не як коефіцієнт відбиття (B8A, B12)",
    "a.tif, band 2: rows 0-9, columns 0-9 cannot be read (Read failed.). The file may be cut "
    "short or damaged: download it again.": (
        "стовпці 0–9 не читаються (Read failed.). Можливо, файл обірвано чи пошкоджено: "
        "завантажте його ще раз."
    ),
    "12 more parts of the image could not be read: result.json lists them.": "(усього 12)",
    "l8_B2.tif band 1": "l8_B2.tif, канал 1",
    "the customary order of sentinel2_l2a": "звичний порядок каналів sentinel2_l2a",
    "names in the files and the customary order of landsat8_l1": (
        "назви у файлах та звичний порядок каналів landsat8_l1"
    ),
    "Codes read as ESA WorldCover codes: 80 water. Recognised by its values.": "за значеннями.",
    "Codes read as ESA WorldCover codes: 80 water. As the user said.": "Так сказав користувач.",
    "Classes of lakes.gpkg, column 'class': water = water.": "Класи файлу lakes.gpkg",
    "lakes.gpkg: feature 3 crosses itself (self-intersection at 30.5 50.1): repaired, area "
    "+0.12%.": "сама себе (self-intersection at 30.5 50.1); виправлено, площа +0,12\xa0%.",
    "Seen in part on 2025-06-05: 5.0% unseen by weight. No area on 2025-06-08, 2025-06-10: the "
    "other weights make up 1.": (
        "Видно лише частину: 2025-06-05; з урахуванням ваг не видно 5,0\xa0%. "
        "Площі немає: 2025-06-08, 2025-06-10; решту ваг зведено до 1."
    ),
    "Seen in part on 2025-06-05: 5.0% unseen by weight.": "не видно 5,0\xa0%",
    "No area on 2025-06-08: the other weights make up 1.": "Площі немає: 2025-06-08",
    "No date with a weight has an area: 2025-06-08.": "Жодна дата з вагою",
    "M5.4: 2.5% of the district was not seen: the water there is not counted.": (
        "M5.4: не видно 2,5\xa0% ділянки; воду там не враховано."
    ),
    "What it calls land is unseen on 1.234 km²: other dates have water there, and the sky was "
    "bright.": "не видно на 1,234 км²",
    "Rivers of the register were left out: 5.5 km².": "не враховано: 5,5 км²",
    "In the register, but no district of this run: M5.4.": "розрахунку: M5.4.",
    "Nothing of the district was seen both before and after: before 50.0%, after 50.0%.": (
        "Зміну ділянки не визначено; не видно: раніше 50,0\u00a0%, пізніше 50,0\u00a0%."
    ),
    "37.5% of the district was not seen on both sides: before and after 12.5%.": (
        "На 37,5\u00a0% ділянки зміну не визначено; не видно: обидва рази 12,5\u00a0%."
    ),
    "outside the image 3.0%": "поза знімком 3,0\u00a0%",
    "Not in the register: M5.4.": "Немає в довіднику: M5.4.",
    "M5.4: the measured area is 99.5 times that of the register; check the unit of the register, "
    "and the map.": "M5.4: виміряна площа більша за довідкову в 99,5 раза",
    "M5.4: the register is 99.5 times the measured area; is it in hectares, not in km²?": (
        "M5.4: довідкова площа більша за виміряну в 99,5 раза; чи не подано її в гектарах"
    ),
    "The line 'Разом' repeats the sum and was left out.": "Рядок «Разом» повторює суму",
    "w.csv: columns not used: id, owner.": "w.csv: не використано стовпці: id, owner.",
    "No area in 2025-07: that of the period was taken.": "Немає площі: 2025-07",
    "The runoff of 2025-06 is above 2000 mm: is W in m³, not in 10⁶ m³?": "перевищує 2000 мм",
    "The nearest pixel of the reference is taken.": "Береться найближчий піксель",
    "The class of most reference pixels is taken.": "Береться клас більшості",
    "The class of most reference pixels is taken; it is finer, 2.5 pixels along a side of a map "
    "pixel.": "2,5 пікселя вздовж",
    "Classes of the map ('igbp') brought to 'main'.": "Класи карти («igbp»)",
    "Classes of the reference ('igbp') brought to 'main'.": "Класи еталона («igbp»)",
    "Classes of the map ('worldcover') brought to 'main'. Classes made one: tree_cover, mangroves "
    "→ tree.": "зведено до «main». Класи, що стали одним: деревна рослинність, мангри → дерева.",
    "Classes made one: a, b → c.": "стали одним: a, b → c.",
    "Classes made one: a, b → c. Divided further there, so the likeliest class is taken: d.": (
        "a, b → c. Там вони поділені дрібніше"
    ),
    "Divided further there, so the likeliest class is taken: d.": "найімовірніший клас: d.",
    "The sample has 3 distinct points, fewer than 12 clusters.": "вибірці 3, менше за 12",
    "There are 3 distinct segments, fewer than 12.": "сегментів 3, менше за 12",
    "One cluster holds 93% of the image: the land is not in groups.": "93\xa0% знімка",
    "41% of the image is noise: of no dense group.": "41\xa0% знімка",
    "The student learnt from pixels of 10 m; these are 30 m, and what it knows of the surroundings "
    "of a pixel may not hold.": "на пікселях 10 м; тут вони 30 м",
    "called mixed by spectral, openai:x": "сумішшю його назвали: spectral, openai:x",
    "the panel disagrees (agreement 0.33)": "згода 0,33",
    "both are named tree_cover": "в обох назва tree_cover",
    "the fewest after which one more explains less than 2% of what is left": "менше 2\xa0% решти",
    "The district 'A' is not a valid polygon (too few points at 1 2): repaired, area +0.00%.": (
        "полігон хибний"
    ),
}


def test_sentences_with_numbers_are_translated_with_decimal_commas():
    text = text_of("uk")
    for english, ukrainian in SENTENCES.items():
        assert ukrainian in text.sentence(english), english
        assert text_of("en").sentence(english) == english


def test_every_pattern_matches_a_sentence_that_the_code_can_write():
    patterns = [row["en"] for row in _table("uk")["patterns"]]
    unused = [p for p in patterns if not any(re.fullmatch(p, s) for s in SENTENCES)]
    assert unused == []


def _source_text():
    """All words of the package, with the pieces of broken lines put together."""
    files = resources.files("obriy").rglob("*.py")
    tables = resources.files("obriy.tables").rglob("*.toml")
    said = [file for file in tables if not file.name.startswith("text_")]
    joined = " ".join(file.read_text("utf-8") for file in (*files, *said))
    return re.sub(r'"\s+f?"', "", joined)


SPELLED = {
    "outside",
    "cloud_shadow",
    "shadow",
    "frozen",
    "snow",
    "cirrus",
    "dark",
    "no data",
    "no_data",
}
"""Names of flags in words: written from their names."""


def test_every_fixed_sentence_is_still_in_the_code():
    code = _source_text()
    fixed = _table("uk")["sentences"]
    assert [s for s in fixed if s.rstrip(".") not in code and s not in SPELLED] == []


@pytest.mark.parametrize(
    "counts", [[5, 0, 0, 0], [5, 50, 60, 40], [0, 999_999, 0, 1], [9, 1, 0, 9]]
)
@pytest.mark.parametrize("name", ["otsu", "valley"])
def test_reasons_of_thresholds_are_known(counts, name):
    spread = np.repeat(np.array(counts), 1024 // len(counts) * 4)[:4096]
    cut = getattr(thresholds, name.title())().decide(thresholds.Counts(spread, -1.0, 1.0), 0.0)
    assert cut.reason
    assert text_of("uk").sentence(cut.reason) != cut.reason


def test_an_unknown_sentence_stays():
    assert text_of("uk").sentence("Nobody foresaw 1.5 of this.") == "Nobody foresaw 1.5 of this."


def test_reasons_and_warnings_of_a_ukrainian_report_are_ukrainian():
    provenance = (
        Provenance()
        .with_step("water", decision={"reason": "two populations"})
        .with_warning("The scene is simulated; its place is made up.")
    )
    areas = AreaSeries("water", (Area(
        "Bay", None, None, None, 5.0, 0.0, 1.0, {"cloud": 1.0}, "skipped",
        "Nothing of the district was seen: cloud 100.0%.",
    ),))  # fmt: skip
    result = {"provenance": provenance.to_dict()}
    page = _Page(render_page(_data("uk", provenance=provenance, areas=areas, result=result))).text
    assert "дві сукупності" in page
    assert "Знімок змодельовано" in page
    assert "не видно: На ділянці нічого не видно: хмари 100,0 %." in page


@pytest.mark.parametrize("lang", LANGS)
def test_what_was_read_is_one_table(lang):
    files = tuple({"href": f"/data/scene/B{i}.tif", "bytes": 1234 * 10**i} for i in range(4))
    provenance = Provenance(inputs=files).with_step(
        "bands", read={"blue": "B0.tif band 1", "green": "B1.tif band 1", "red": "B1.tif band 2"}
    )
    page = render_page(_data(lang, provenance=provenance))
    text = _Page(page).text
    assert page.count(text_of(lang)("report.inputs")) == 1
    assert "green, red" in text
    assert ("1.23 MB" if lang == "en" else "1,23 МБ") in text
    assert ("1.23 KB" if lang == "en" else "1,23 КБ") in text
    assert text.count("/data/scene") == 1


@pytest.mark.parametrize(
    ("source", "english", "ukrainian"),
    [
        ("simulated:", "Simulated scene", "Змодельована сцена"),
        ("simulated:?seed=3", "Simulated scene", "Змодельована сцена"),
        ("sample:", "Sample chip", "Зразок знімка"),
        ("/data/lake.tif", "lake.tif", "lake.tif"),
        ("/data/scene/", "scene", "scene"),
        ("simulated", "simulated", "simulated"),
    ],
)
def test_titles_are_for_people(source, english, ukrainian):
    assert source_title(text_of("en"), source) == english
    assert source_title(text_of("uk"), source) == ukrainian
