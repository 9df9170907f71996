"""Nothing that a map says beside itself is cut off, in either language, and outlines are named."""

import numpy as np
import pytest
import shapely
import xarray as xr
from matplotlib.text import Text
from tests.conftest import utm_grid

from obriy.model.areas import Area, District
from obriy.model.classmap import ClassMap
from obriy.model.flags import Unseen
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend
from obriy.render.ice import concentration_figure, ice_figure
from obriy.render.maps import map_figure
from obriy.render.multiples import change_figure, multiples_figure, occurrence_figure
from obriy.render.text import text_of

SHAPE = (40, 60)
GRID = utm_grid(SHAPE)
WEST, SOUTH, EAST, NORTH = GRID.extent.boundingbox.bbox
DISTRICTS = [District("A", shapely.box(WEST + 50, SOUTH + 50, EAST - 50, NORTH - 50), "EPSG:32636")]
COLUMNS = np.mgrid[: SHAPE[0], : SHAPE[1]][1]


def lay(values, dtype="uint8"):
    values = np.broadcast_to(np.asarray(values, dtype), SHAPE).copy()
    return xr.DataArray(values, dims=("y", "x"), coords=coords_of(GRID))


def scene():
    return xr.Dataset({name: lay(0.1, "float32") for name in ("red", "green", "blue")})


def all_codes(name):
    """A map with every class of a legend, and all that hides one."""
    codes = [c.code for c in load_legend(name)]
    causes = [int(cause) for cause in Unseen][1:]
    strip = COLUMNS * (len(codes) + len(causes)) // SHAPE[1]
    labels = np.array([*codes, *[0] * len(causes)])[strip]
    unseen = np.array([*[0] * len(codes), *causes])[strip]
    return ClassMap(lay(labels), load_legend(name), unseen=lay(unseen), time="2025-06-01")


def water(lang):
    return map_figure(scene(), all_codes("water"), districts=DISTRICTS, lang=lang)


def cover(lang):
    return map_figure(scene(), all_codes("worldcover"), districts=DISTRICTS, lang=lang)


def occurrence(lang):
    share = np.where(COLUMNS < 10, np.nan, 50)
    return occurrence_figure(lay(share, "float32"), districts=DISTRICTS, lang=lang)


def change(lang):
    return change_figure(all_codes("water_change"), districts=DISTRICTS, lang=lang)


def dates(lang):
    areas = [Area("all", f"2025-06-0{n}", 1.0, 1.0, 2.0, 0.0, 0.2, {}) for n in (1, 2)]
    maps = {str(area.date): all_codes("water") for area in areas}
    return multiples_figure(maps, areas, districts=DISTRICTS, lang=lang)


def ice(lang):
    return ice_figure(scene(), all_codes("ice"), districts=DISTRICTS, lang=lang)


def concentration(lang):
    shares = np.where(COLUMNS < 6, 255, np.clip(COLUMNS * 4, 0, 200))
    return concentration_figure(lay(shares), all_codes("ice"), districts=DISTRICTS, lang=lang)


@pytest.mark.parametrize("lang", ["en", "uk"])
@pytest.mark.parametrize("picture", [water, cover, occurrence, change, dates, ice, concentration])
def test_nothing_is_cut_off_and_no_outline_goes_unnamed(picture, lang):
    figure = picture(lang)
    figure.canvas.draw()
    page = figure.bbox
    beyond = []
    for words in figure.findobj(Text):
        box = words.get_window_extent()
        inside = page.x0 - 1 <= box.x0 and box.x1 <= page.x1 + 1
        inside = inside and page.y0 - 1 <= box.y0 and box.y1 <= page.y1 + 1
        if words.get_visible() and words.get_text() and not inside:
            beyond.append(words.get_text())
    assert beyond == []
    named = [t.get_text() for legend in figure.legends for t in legend.get_texts()]
    assert text_of(lang)("map.district") in named
