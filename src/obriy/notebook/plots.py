"""Nouns as figures."""

import functools
from typing import Any

from matplotlib.figure import Figure

from obriy.model.areas import AreaSeries
from obriy.model.classmap import ClassMap
from obriy.model.result.water import SeriesPart
from obriy.notebook.words import language
from obriy.render.multiples import class_figure
from obriy.render.series import series_figure


@functools.singledispatch
def plot(noun: Any, *, lang: str = "") -> Figure:
    """Return a figure of a noun.

    Args:
        noun: A map, or areas by date.
        lang: Language of the words; empty: that of the settings.
    """
    raise NotImplementedError(type(noun))


@plot.register
def _(noun: ClassMap, *, lang: str = "") -> Figure:
    return class_figure(noun, lang=language(lang))


@plot.register
def _(noun: AreaSeries, *, lang: str = "") -> Figure:
    return series_figure(noun, lang=language(lang))


@plot.register
def _(noun: SeriesPart, *, lang: str = "") -> Figure:
    return series_figure(AreaSeries("water", tuple(noun.areas)), lang=language(lang))
