"""`obriy sample` and `obriy evaluate --sample`: areas that rest on labels, not on the map."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.coverage import rasterize
from obriy.errors import BandError, GeometryError, GridError, InputError, ObriyError, UsageError
from obriy.measures.pixel_area import pixel_area
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.sample import AreaEstimate, SampleDesign, SampleUnit
from obriy.outputs.sample_sheet import check_free, write_sample
from obriy.render.chips import Chip, ChipView, draw_chips, views_of
from obriy.runs.fingerprint import LEDGER, file_sha256
from obriy.runs.folder import CONFIG, hold
from obriy.sources.class_map import open_class_map, sources_of
from obriy.sources.districts import read_districts
from obriy.sources.sample_sheet import read_design, read_labels
from obriy.sources.scene import open_scene
from obriy.validation.area_adjusted import estimate_areas
from obriy.validation.sampling import (
    LEAST,
    StrataPlan,
    allocate,
    conjectured_accuracy,
    count_strata,
    draw,
    size_for,
)
from obriy.vectors import LONLAT, place
from obriy.workflows.config.reading import ReadingConfig
from obriy.workflows.jobs import read_config
from obriy.workflows.opening import told

TARGET_SE: Final = 0.02
"""Standard error of the overall accuracy that a sample aims at, where nobody says otherwise."""
_DEEPEST: Final = 3
"""Folders from a map up to its run: ``maps/DATE`` in a series."""
MOST_UNITS: Final = 10_000
"""Units of the largest sample that is drawn: weeks of labelling, and a page of some 250 MB."""


@dataclasses.dataclass(frozen=True)
class DrawnSample:
    """A sample, ready to be labelled.

    Attributes:
        design: How it was drawn, and what.
        files: What was written, by name: ``sheet``, ``points``, ``design`` and, where there was
            an image, ``page``.
        warnings: What the user should know.
    """

    design: SampleDesign
    files: dict[str, Path]
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return strata, sizes, files and warnings as plain values; no unit, no class of one."""
        design = self.design
        return {
            "size": len(design.units),
            "seed": design.seed,
            "edge": design.edge,
            "strata": [
                {"name": s.name, "pixels": s.pixels, "area_m2": s.area_m2, "size": s.size}
                for s in design.strata
            ],
            "population_m2": design.population_m2,
            "unseen_m2": design.unseen_m2,
            "unnamed_m2": design.unnamed_m2,
            "notes": list(design.notes),
            "files": {name: str(path) for name, path in self.files.items()},
            "warnings": list(self.warnings),
        }


def draw_sample(
    map_file: Path | str,
    out: Path | str,
    *,
    size: int | None = None,
    target_se: float | None = None,
    edge: int = 0,
    least: int = LEAST,
    seed: int = 0,
    aoi: str | None = None,
    image: str | None = None,
    bands: str | None = None,
    codes: str | None = None,
    layer: str | None = None,
    lang: str = "en",
) -> DrawnSample:
    """Draw a stratified random sample of a class map, and write what is needed to label it.

    Strata are the classes of the map; pixels that were not seen, or not named, are outside the
    population, and no estimate from the sample speaks of them.

    Args:
        map_file: A raster of class codes with a CRS.
        out: Folder to write to; one without a sample.
        size: Units in all; None: from ``target_se``.
        target_se: Standard error wanted of the overall accuracy, a share; None: 0.02.
        edge: Pixels with another class within so many pixels are a stratum of their own; 0: none.
        least: Units per stratum, at least.
        seed: The same seed draws the same sample.
        aoi: Where: pixels whose centre lies in a district; see `read_districts`.
        image: To show on the labelling page; None: the image that the map's file names, read as
            the ``config.yaml`` of the run says (bands, sensor, scale).
        bands: Bands of that image in file order, as in `open_scene`; None: as just said.
        codes: What the codes of the map are, as in `open_class_map`; None: by its values.
        layer: Which layer of the file of districts; None: found out.
        lang: Language of the page.

    Raises:
        UsageError: a size or target that cannot be.
        InputError: a map without CRS, a district that does not meet it, an image that was named
            and does not serve.
        EmptyResultError: nothing in the map has a class.
        OutputError: the folder holds a sample already, or cannot be written.
    """
    map_file, out = Path(map_file), Path(out)
    check_free(out)
    if size is not None and target_se is not None:
        raise UsageError("--size and --target-se exclude each other.", "Give one of them.")
    class_map = open_class_map(map_file, codes)
    geobox = class_map.geobox
    districts = read_districts(aoi, layer) if aoi else []
    _require_places(geobox, map_file)
    plan = StrataPlan(class_map.labels, class_map.legend, edge, _inside(districts, geobox))
    area_of = functools.partial(_area_of, geobox)
    frame = count_strata(plan, area_of)
    supposed = conjectured_accuracy(frame.strata)
    target = TARGET_SE if target_se is None else target_se
    wanted = size
    if wanted is None:
        wanted = max(size_for(frame.strata, supposed, target), 2 * len(frame.strata))
    _require_feasible(wanted)
    strata = allocate(frame.strata, wanted, least)
    design = SampleDesign(
        legend=class_map.legend,
        strata=strata,
        units=tuple(_placed(draw(frame, strata, seed, area_of), geobox)),
        seed=seed,
        edge=edge,
        unseen_m2=frame.unseen_m2,
        unnamed_m2=frame.unnamed_m2,
        map_file=str(map_file.resolve()),
        map_sha256=file_sha256(map_file),
        crs=str(geobox.crs),
        aoi=aoi,
        notes=_design_notes(size, target, supposed, least),
    )
    warnings = _population_warnings(design) + [note for d in districts for note in d.notes]
    try:
        pictures = _pictures(class_map, map_file, image, bands, design)
    except ObriyError as error:
        if image is not None:
            raise
        pictures = _Pictures()
        way = (
            "Name its --bands." if isinstance(error, BandError) else "Name the image with --image."
        )
        warnings.append(f"No page to label on: {error.message} {way}")
    warnings += pictures.warnings
    with hold(out):
        files = write_sample(
            design, out, views=pictures.views, chips=pictures.chips, image=pictures.image, lang=lang
        )
    return DrawnSample(design, files, tuple(warnings))


def evaluate_sample(sheet: Path | str) -> AreaEstimate:
    """Estimate areas and accuracies from a sheet that a person filled.

    Args:
        sheet: The ``sample.csv`` (or ``sample.gpkg``) of `draw_sample`, with labels;
            ``design.json`` lies beside it.

    Returns:
        Areas by class with standard errors, accuracies, and what to know about them.

    Raises:
        SourceError: no sheet, or no design beside it.
        InputError: ids or labels that do not fit; a map that has changed since the draw.
        EmptyResultError: no labels.
    """
    sheet = Path(sheet)
    design = read_design(sheet)
    notes = _map_notes(design)
    estimate = estimate_areas(design, read_labels(sheet, design))
    return dataclasses.replace(estimate, notes=(*estimate.notes, *notes))


def _area_of(geobox: GeoBox, rows: slice, columns: slice) -> npt.NDArray[np.float64]:
    return pixel_area(geobox[rows, columns])


def _require_places(geobox: GeoBox, map_file: Path) -> None:
    if geobox.crs is None:
        raise GridError(
            f"{map_file} has no CRS, so nobody could find the places of a sample.",
            "Set it in the file (gdal_edit -a_srs EPSG:CODE FILE).",
        )


def _require_feasible(size: int) -> None:
    if size > MOST_UNITS:
        raise UsageError(
            f"A sample of {size} units cannot be labelled by hand (at most {MOST_UNITS}).",
            "Give a smaller --size, or a larger --target-se.",
        )


def _inside(
    districts: Sequence[District], geobox: GeoBox
) -> Callable[[slice, slice], npt.NDArray[np.bool_]] | None:
    """Return a function that says which pixels have their centre in a district."""
    if not districts:
        return None
    shapes = [(place(d.geometry, d.crs, geobox), 1) for d in districts]
    image = shapely.box(0, 0, geobox.shape.x, geobox.shape.y)
    if not any(shapely.intersects(shape, image) for shape, _ in shapes):
        raise GeometryError(
            f"The district '{districts[0].name}' does not meet the map.",
            "Check its place and its CRS.",
        )

    def inside(rows: slice, columns: slice) -> npt.NDArray[np.bool_]:
        return rasterize(shapes, rows, columns) > 0

    return inside


def _placed(units: Sequence[SampleUnit], geobox: GeoBox) -> list[SampleUnit]:
    """Return units with the coordinates of their centres."""
    rows = np.array([u.row for u in units]) + 0.5
    columns = np.array([u.column for u in units]) + 0.5
    a = geobox.affine
    x, y = a.a * columns + a.b * rows + a.c, a.d * columns + a.e * rows + a.f
    lon, lat = pyproj.Transformer.from_crs(str(geobox.crs), LONLAT, always_xy=True).transform(x, y)
    return [
        dataclasses.replace(u, lon=float(lon[i]), lat=float(lat[i]), x=float(x[i]), y=float(y[i]))
        for i, u in enumerate(units)
    ]


@dataclasses.dataclass(frozen=True)
class _Pictures:
    """What the page shows; nothing where there is no image."""

    views: tuple[ChipView, ...] = ()
    chips: Sequence[Sequence[Chip]] = ()
    image: str = ""
    warnings: tuple[str, ...] = ()


def _pictures(
    class_map: ClassMap,
    map_file: Path,
    image: str | None,
    bands: str | None,
    design: SampleDesign,
) -> _Pictures:
    """Draw the chips of every unit.

    Raises:
        ObriyError: where there is no image, it cannot be opened, or shows none of the places.
    """
    hrefs = [image] if image is not None else sources_of(map_file)
    if not hrefs:
        raise InputError("The map does not name the image that it was made from.")
    scene = _opened(hrefs, map_file, bands)
    if geobox_of(scene).crs is None:
        raise GridError("The image has no CRS.", "Name one that has with --image.")
    views = views_of(scene)
    pixels = [_pixel(unit, class_map.geobox) for unit in design.units]
    chips = draw_chips(scene, views, pixels, str(class_map.geobox.crs))
    without = sum(not shown for shown in chips)
    if without == len(chips):
        raise GridError(
            "The image does not show one place of the sample.", "Name another with --image."
        )
    warnings = (f"{without} of {len(chips)} units lie outside the image.",) if without else ()
    return _Pictures(views, chips, ", ".join(Path(h).name for h in hrefs), warnings)


def _opened(hrefs: list[str], map_file: Path, bands: str | None) -> xr.Dataset:
    """Open the image of a map as told, or as the run that made the map did; another by itself."""
    paths = hrefs if len(hrefs) > 1 else hrefs[0]
    if bands is not None:
        return open_scene(paths, bands=bands)
    config = _run_of(map_file)
    own = {str(Path(href).resolve()) for href in sources_of(map_file)}
    if config is None or not {str(Path(href).resolve()) for href in hrefs} <= own:
        return open_scene(paths)
    return open_scene(paths, **told(config))


def _run_of(map_file: Path) -> ReadingConfig | None:
    """Return the configuration of the run that a map lies in; None where it lies in none.

    Raises:
        UsageError: the run's ``config.yaml`` cannot be read.
    """
    for folder in map_file.resolve().parents[:_DEEPEST]:
        if (folder / CONFIG).is_file() and (folder / LEDGER).is_file():
            config = read_config(folder / CONFIG)
            return config if isinstance(config, ReadingConfig) else None
    return None


def _pixel(unit: SampleUnit, geobox: GeoBox) -> shapely.Geometry:
    """Return the outline of a pixel in the CRS of the map."""
    corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
    return shapely.Polygon([geobox.affine @ (unit.column + i, unit.row + j) for i, j in corners])


def _design_notes(
    size: int | None, target: float, supposed: dict[str, float], least: int
) -> tuple[str, ...]:
    shares = ", ".join(f"{name} {share:.2f}" for name, share in supposed.items())
    how = (
        f"The size was given: {size}."
        if size is not None
        else f"The size is for a standard error of {target:g} of the overall accuracy, if the "
        f"share right is {shares} (a guess; Olofsson et al. 2014, equation 13)."
    )
    return (how, f"Shared out by area, but at least {least} per stratum where it goes round.")


def _population_warnings(design: SampleDesign) -> list[str]:
    outside = design.unseen_m2 + design.unnamed_m2
    if not outside:
        return []
    share = outside / (design.population_m2 + outside)
    return [
        f"{share:.1%} of the area has no class in the map (not seen, or not named): the sample "
        "does not speak of it."
    ]


def _map_notes(design: SampleDesign) -> tuple[str, ...]:
    """Say that the map is gone; refuse one that is not the one that was sampled."""
    map_file = Path(design.map_file)
    if not map_file.is_file():
        return (f"The map {map_file} is not there; the figures rest on the design alone.",)
    if file_sha256(map_file) != design.map_sha256:
        raise InputError(
            f"{map_file} has changed since the sample was drawn.",
            "Restore that map, or draw a new sample of this one.",
        )
    return ()
