"""What every run leaves beside its maps: tables, polygons, STAC items, pictures, the report."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.legend import Legend
from obriy.model.provenance import Provenance
from obriy.outputs.files import write_bytes
from obriy.outputs.report.record import source_title
from obriy.outputs.stac_item import write_stac_item
from obriy.render.text import text_of
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.workflows.config.reading import PlaceConfig
from obriy.workflows.run import places_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from obriy.outputs.report.page import Page, Report, Told
    from obriy.render.sheets import MapView


@dataclasses.dataclass
class RunFiles:
    """The files of a run, as they are written.

    Attributes:
        config: Says which outputs are wanted, and in which language.
        folder: The run folder; what a step of it made is not made twice.
        districts: Outlines; empty: the whole image.
        files: Paths by output name.
        of: What people call the class that is told of, where that is not water.
    """

    config: PlaceConfig
    folder: RunFolder
    districts: Sequence[District] = ()
    files: dict[str, Path] = dataclasses.field(default_factory=dict)
    of: str = ""

    @property
    def title(self) -> str:
        """What was mapped, for people; of several, the first and the last."""
        named = getattr(self.config, self.config.argument())
        several = list(map(str, named)) if isinstance(named, list) else [str(named)]
        titles = [source_title(text_of(self.lang), one) for one in several]
        return titles[0] if len(titles) == 1 else f"{titles[0]} … {titles[-1]}"

    @property
    def lang(self) -> str:
        """The language of what people read."""
        return self.config.lang

    def wants(self, output: str) -> bool:
        """Say whether an output was asked for."""
        return output in self.config.outputs  # type: ignore[attr-defined]

    def paths(self, outputs: Mapping[str, str]) -> dict[str, Path]:
        """Return the paths of files of the run folder."""
        return {name: self.folder.file(file) for name, file in outputs.items()}

    def size_of(self, class_map: ClassMap) -> float | None:
        """Return what the user says of the pixels of a map without CRS; None: the CRS says it."""
        return self.config.resolution if class_map.geobox.crs is None else None

    def drawn_on(self, class_map: ClassMap) -> dict[str, Any]:
        """Return what every picture of a map is drawn with."""
        return {
            "districts": self.districts,
            "lang": self.lang,
            "pixel_size_m": self.size_of(class_map),
        }

    def step(self, name: str, work: Callable[[], StepRecord], after: Sequence[str]) -> StepRecord:
        """Do what rests on maps and districts, unless it is done."""
        return self.folder.step(name, work, fingerprint(places_of(self.config)), after=after)

    def polygons(
        self,
        file: str,
        write: Callable[[Path], object],
        after: Sequence[str],
        step: str = "polygons",
    ) -> dict[str, Path]:
        """Write polygons, where they are wanted; return their path by output name.

        Args:
            file: In the run folder.
            write: Writes them.
            after: Steps that made the map.
            step: Name of this one.
        """

        def work() -> StepRecord:
            write(self.folder.file(file))
            return StepRecord({"polygons": file})

        return self.paths(self.step(step, work, after).outputs) if self.wants("polygons") else {}

    def item(
        self,
        class_map: ClassMap,
        files: Mapping[str, Path],
        folder: Path,
        key: str = "",
        clusters: Legend | None = None,
    ) -> Path:
        """Write the STAC item of a map and of the files beside it; return its path.

        Args:
            class_map: The map.
            files: By output name.
            folder: Where.
            key: The date, or the image, of a map that is not the only one.
            clusters: Where there is a raster of clusters: their numbers.
        """
        return write_stac_item(
            class_map,
            files,
            folder / "item.json",
            item_id="-".join(filter(None, (self.folder.path.name, key))),
            title=", ".join(filter(None, (self.title, key))),
            clusters=clusters,
        )

    def report(
        self,
        result: "Told",
        figures: Mapping[str, "Figure"],
        pictures: Mapping[str, str],
        lay_out: "Callable[[Report[Told]], Page]",
        record: Provenance | None = None,
        *,
        view: "MapView | None" = None,
    ) -> None:
        """Write the pictures and the report.

        Args:
            result: ``result.json`` so far.
            figures: What was drawn, by name.
            pictures: Output names of those that are files of their own too, by name.
            lay_out: Lays the page out.
            record: What was read and decided; None: as the result says.
            view: What its map shows when it is moved.
        """
        from obriy.outputs.report.page import Report, write_page  # loads what draws
        from obriy.render.figures import to_png, to_svg

        for name, output in pictures.items():
            path = self.folder.file(f"{name.replace(' ', '_').lower()}.png")
            self.files[output] = write_bytes(path, to_png(figures[name]))
        report = Report(
            self.title,
            self.lang,
            result.with_outputs(self.files),
            record or result.provenance,
            {name: to_svg(figure, name.replace(" ", "")) for name, figure in figures.items()},
            of=self.of,
            view=view,
        )
        self.files["report"] = write_page(lay_out(report), self.folder.file("report.html"))
