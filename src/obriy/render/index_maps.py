"""A picture of a spectral index, as documents C and D show it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure

from obriy.blocks.decimate import block_means, steps_for
from obriy.model.areas import District
from obriy.model.flags import Unseen
from obriy.model.grid import geobox_of
from obriy.model.layers import LAYERS
from obriy.render.figures import INK, LINE, MUTED, new_figure, write_numbers
from obriy.render.furniture import draw_outlines
from obriy.render.geometry import ground_scale, pixel_aspect
from obriy.render.palette import UNSEEN_COLOURS
from obriy.render.text import text_of
from obriy.vectors import place

_SIDE = 700
_WIDE = 6.4


def index_figure(
    values: xr.DataArray,
    name: str,
    *,
    threshold: float = 0.0,
    districts: Sequence[District] = (),
    lang: str = "en",
) -> Figure:
    """Draw an index; its colours turn at a threshold.

    Args:
        values: (y, x) float32 on a grid, NaN missing; lazy or in memory.
        name: Short name of the index.
        threshold: Where water begins.
        districts: Outlined.
        lang: Language.
    """
    text, geobox = text_of(lang), geobox_of(values)
    steps = steps_for(values.shape, _SIDE)
    shown = block_means(values.variable, steps)
    rows, columns = (n * s for n, s in zip(shown.shape, steps, strict=True))
    aspect = pixel_aspect(geobox, ground_scale(geobox))
    tall = min(_WIDE * rows * aspect / columns, 9.0)
    height = tall + 0.95
    figure = new_figure(_WIDE, height)
    axes = figure.add_axes((0.0, 0.62 / height, 1.0, tall / height))
    plain = LinearSegmentedColormap.from_list("index", LAYERS["index"].colours)
    ramp = plain.with_extremes(bad=UNSEEN_COLOURS[Unseen.CLOUD])
    drawn = axes.imshow(
        shown, extent=(0, columns, rows, 0), aspect=aspect, cmap=ramp,
        norm=TwoSlopeNorm(threshold, *_ends(shown, threshold)), interpolation="antialiased",
    )  # fmt: skip
    axes.set_anchor("NW")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_edgecolor(LINE)
    draw_outlines(axes, [place(d.geometry, d.crs, geobox) for d in districts])
    axes.set_title(name, loc="left", fontsize=10, color=INK, pad=6)
    bar = figure.add_axes((0.02, 0.34 / height, 0.55, 0.13 / height))
    figure.colorbar(drawn, cax=bar, orientation="horizontal")
    bar.tick_params(colors=MUTED, labelsize=8, length=0)
    write_numbers(bar.xaxis, text, 2)
    figure.text(0.62, 0.34 / height, text("map.index_missing"), fontsize=8.5, color=MUTED)
    return figure


def _ends(shown: npt.NDArray[np.float32], threshold: float) -> tuple[float, float]:
    """Return where the colours end: robust ends of the values, on both sides of the threshold."""
    known = shown[np.isfinite(shown)]
    low, high = np.percentile(known, (1, 99)) if known.size else (threshold, threshold)
    return min(float(low), threshold - 0.1), max(float(high), threshold + 0.1)
