"""How nouns show themselves to a person: what draws and tabulates them lies above, by name.

A noun knows nothing of pictures, pages and tables; in a notebook it is asked for them all the
same. `VIEWS` names what makes them, as `obriy.sources.base` names the simulator: it loads on use.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from obriy.registry import Registry

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

VIEWS: Final[Registry[Callable[..., Any]]] = Registry("view")
VIEWS.register("html", "obriy.notebook.pages:html")
VIEWS.register("plot", "obriy.notebook.plots:plot")
VIEWS.register("frame", "obriy.notebook.frames:frame")
VIEWS.register("dataset", "obriy.notebook.frames:dataset")
VIEWS.register("shapes", "obriy.notebook.frames:shapes")


class Shown:
    """A noun that a notebook shows."""

    def _repr_html_(self) -> str:
        page: str = VIEWS.get("html")(self)
        return page


class Drawn:
    """A noun that draws itself."""

    def plot(self, *, lang: str = "") -> "Figure":
        """Draw it: a map with its legend and a scale bar, areas by date with their intervals.

        Args:
            lang: Language of the words; empty: that of ``OBRIY_LANG``, else English.
        """
        figure: Figure = VIEWS.get("plot")(self, lang=lang)
        return figure


class Tabled:
    """A noun whose figures are a table."""

    def to_dataframe(self) -> "pd.DataFrame":
        """Return its figures as a table, in the columns of the CSV files of a run.

        Areas in km², shares 0 to 1; empty where not known.
        """
        table: pd.DataFrame = VIEWS.get("frame")(self)
        return table
