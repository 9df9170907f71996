"""Nouns as figures."""

import functools
from typing import Any

from matplotlib.figure import Figure

from obriy.model.areas import AreaSeries
from obriy.model.classmap import ClassMap
from obriy.model.result.ice import IceResult
from obriy.model.result.water import SeriesPart
from obriy.notebook.words import language
from obriy.render.ice_series import ice_series_figure
from obriy.render.multiples import class_figure
from obriy.render.series import series_figure
from obriy.workflows.water.measuring import by_hand, clear, with_periods


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
    weighed = noun if noun.periods else with_periods(noun, clear)  # each panel is of a period
    return series_figure(weighed, lang=language(lang))


@plot.register
def _(noun: SeriesPart, *, lang: str = "") -> Figure:
    """Draw the areas of a result, weighed as the run did: by district, or by date for all."""
    rows = [row for row in getattr(noun, "dates", []) if row.weight is not None]
    by_date = by_hand({str(row.date): float(row.weight) for row in rows})
    series = AreaSeries("water", tuple(noun.areas))
    weighed = with_periods(series, clear if noun.weights == "clear" else by_date)
    return series_figure(weighed, lang=language(lang))


@plot.register
def _(noun: IceResult, *, lang: str = "") -> Figure:
    return ice_series_figure(noun.areas, noun.seasons, lang=language(lang))
