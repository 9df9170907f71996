"""The interface for programs: the same runs as on the page, with an OpenAPI description."""

import contextlib
import errno
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query, Response, UploadFile
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from pydantic import AfterValidator
from starlette.background import BackgroundTask

from obriy.errors import ObriyError
from obriy.model.result.base import RunResult
from obriy.outputs.pages import script_source
from obriy.tables import languages
from obriy.web import naming, rasters, shapes, spot
from obriy.web.places import UPLOADS
from obriy.web.shelf import Shelf, ShelfRun
from obriy.web.uploads import keep
from obriy.web.views import (
    Asked,
    BandView,
    Entry,
    JobView,
    MapView,
    Name,
    Names,
    Refusal,
    RunView,
    SaidView,
    SpectrumView,
    one_of,
    view,
)
from obriy.workflows.jobs import JOBS, plan_job

_SANDBOX: Final = (
    f"default-src 'none'; script-src {script_source('moving.js')}; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; sandbox allow-scripts"
)
"""What a report may do when it is shown: one file, with one script, that of its map."""
_SHOWN: Final = {".html": "text/html; charset=utf-8", ".png": "image/png"}
"""Files that a browser shows; all others it keeps."""


RunName = Annotated[str, InPath(max_length=200, description="name of the run")]
Lon = Annotated[float, Query(ge=-180, le=180)]
Lat = Annotated[float, Query(ge=-85, le=85)]
Date = Annotated[str, Query(max_length=40)]
Lang = Annotated[
    str,
    AfterValidator(one_of(*languages())),
    Query(description="language of words", json_schema_extra={"enum": languages()}),
]


@contextlib.contextmanager
def refusing(shelf: Shelf) -> Iterator[None]:
    """Answer what cannot be done with 409, in words without paths."""
    try:
        yield
    except ObriyError as error:
        said = shelf.places.without_paths(str(error))
        raise HTTPException(409, said) from None
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise HTTPException(409, "A name is longer than names may be. Use a shorter one.") from None


def router(shelf: Shelf) -> APIRouter:
    """Return the interface over a shelf of runs."""
    refused: dict[int | str, Any] = {404: {"model": Refusal}, 409: {"model": Refusal}}
    made = APIRouter(prefix="/api", tags=["runs"], responses=refused)
    _add_jobs(made, shelf)
    _add_runs(made, shelf)
    _add_changes(made, shelf)
    _add_files(made, shelf)
    _add_maps(made, shelf)
    return made


def _found(shelf: Shelf, name: str) -> ShelfRun:
    run = shelf.run(name)
    if run is None:
        raise HTTPException(404, "There is no run of that name.")
    return run


def _dated(shelf: Shelf, name: str, date: str) -> ShelfRun:
    """Return a run that has a date; it need not where none is asked for."""
    run = _found(shelf, name)
    if date and date not in spot.dates_of(run):
        raise HTTPException(404, "The run has no such date; its maps say which it has.")
    return run


def _add_jobs(made: APIRouter, shelf: Shelf) -> None:
    @made.get("/jobs", tags=["jobs"])
    def jobs() -> list[JobView]:
        """List the jobs, with the schema of their options."""
        return [
            JobView(
                job=name,
                says=job.config.__doc__ or "",
                planned=job.plan is not None,
                options=job.config.model_json_schema(),
            )
            for name, job in JOBS.items()
        ]

    @made.get("/folders", tags=["jobs"])
    def folders(ending: Annotated[list[str] | None, Query(max_length=20)] = None) -> list[str]:
        """List files that options may name."""
        return shelf.places.listed(tuple(e.lower() for e in ending or [""]))

    @made.post("/plan", tags=["jobs"])
    def plan(asked: Asked) -> dict[str, Any]:
        """Say what a job would do, without doing it."""
        with refusing(shelf):
            return plan_job(_config(shelf, asked))

    @made.post("/uploads", tags=["jobs"], status_code=201)
    def upload(file: UploadFile) -> Name:
        """Keep an image, a table or a district; the name that comes back is for options."""
        with refusing(shelf):
            kept = keep(shelf.uploads, file.filename or "", file.file)
        return Name.model_construct(name=f"folder:{UPLOADS}/{kept.relative_to(shelf.uploads)}")


def _config(shelf: Shelf, asked: Asked) -> Any:
    return shelf.places.config(JOBS[asked.job].config, asked.options)


def _add_runs(made: APIRouter, shelf: Shelf) -> None:
    @made.get("/runs")
    def runs() -> list[RunView]:
        """List the runs, the last that changed first."""
        return [view(run, shelf) for run in shelf.runs()]

    @made.post("/runs", status_code=201)
    def start(asked: Asked) -> RunView:
        """Start a run; the same one once more goes on where it stopped."""
        with refusing(shelf):
            return view(shelf.start(_config(shelf, asked), asked.name), shelf)

    @made.get("/runs/{name}")
    def run(name: RunName) -> RunView:
        """Say how far a run is."""
        return view(_found(shelf, name), shelf)

    @made.get("/runs/{name}/result")
    def result(name: RunName) -> dict[str, Any]:
        """Return ``result.json``; see docs/result.schema.json."""
        found: RunResult | None = _found(shelf, name).result()
        if found is None:
            raise HTTPException(404, "The run has no result yet.")
        return found.to_dict()

    @made.get("/deleted")
    def deleted() -> list[str]:
        """List runs that can be had back; a name stands as often as it was deleted."""
        return shelf.deleted()


def _add_changes(made: APIRouter, shelf: Shelf) -> None:
    @made.post("/runs/{name}/cancel")
    def cancel(name: RunName) -> RunView:
        """Ask a run to end; what is done is kept."""
        found = _found(shelf, name)
        with refusing(shelf):
            found.work.cancel()
        return view(found, shelf)

    @made.post("/runs/{name}/resume")
    def resume(name: RunName) -> RunView:
        """Go on with a run where it stopped; one that is done stays as it is."""
        found = _found(shelf, name)
        with refusing(shelf):
            shelf.resume(found)
        return view(found, shelf)

    @made.post("/runs/{name}/rename")
    def rename(name: RunName, new: Name) -> RunView:
        """Give a run another name."""
        with refusing(shelf):
            return view(shelf.rename(_found(shelf, name), new.name), shelf)

    @made.post("/runs/{name}/names")
    def names(name: RunName, given: Names) -> RunView:
        """Name clusters of land cover by hand: the run is made again, its clusters stay."""
        found = _found(shelf, name)
        with refusing(shelf):
            names = naming.by_cluster((one.cluster, one.name) for one in given.names)
            naming.correct(shelf, found, names)
        return view(found, shelf)

    @made.delete("/runs/{name}", status_code=204)
    def delete(name: RunName) -> None:
        """Put a run away; `restore` gives it back within a week."""
        with refusing(shelf):
            shelf.delete(_found(shelf, name))

    @made.post("/deleted/{name}/restore")
    def restore(name: RunName) -> RunView:
        """Give back a run that was deleted: the newest of its name."""
        if name not in shelf.deleted():
            raise HTTPException(404, "No deleted run has that name.")
        with refusing(shelf):
            return view(shelf.restore(name), shelf)


def _add_files(made: APIRouter, shelf: Shelf) -> None:
    @made.get("/runs/{name}/files")
    def files(name: RunName) -> list[str]:
        """List the files of a run."""
        return _found(shelf, name).files()

    @made.get("/runs/{name}/files/{path:path}", response_class=FileResponse)
    def file(name: RunName, path: str) -> FileResponse:
        """Return a file of a run."""
        found = _found(shelf, name).file(path)
        if found is None:
            raise HTTPException(404, "The run has no such file.")
        return sent(found)

    @made.get("/runs/{name}/zip", response_class=FileResponse)
    def zipped(name: RunName) -> FileResponse:
        """Return the whole folder of a run."""
        packed = _zip(_found(shelf, name))
        away = BackgroundTask(packed.unlink, missing_ok=True)
        return FileResponse(packed, filename=f"{name}.zip", background=away)


def sent(file: Path) -> FileResponse:
    """Return a file: a report and a picture to look at, all else to keep."""
    kind = _SHOWN.get(file.suffix.lower())
    if kind is None:
        return FileResponse(file, media_type="application/octet-stream", filename=file.name)
    return FileResponse(file, media_type=kind, headers={"content-security-policy": _SANDBOX})


def _zip(run: ShelfRun) -> Path:
    number, name = tempfile.mkstemp(suffix=".zip")
    with os.fdopen(number, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for inside in run.files():  # pixels are compressed already
            archive.write(run.folder / inside, f"{run.name}/{inside}")
    return Path(name)


def _add_maps(made: APIRouter, shelf: Shelf) -> None:
    @made.get("/runs/{name}/maps")
    def maps(name: RunName, lang: Lang = "en") -> list[MapView]:
        """List the maps of a run."""
        return [
            MapView(
                map=one.place,
                output=one.output,
                date=one.date,
                title=one.called(lang),
                bounds=list(rasters.bounds(one.file)),
                legend=[Entry(word=w, colour=c) for w, c in one.legend(lang)],
            )
            for one in rasters.rasters(_found(shelf, name))
        ]

    @made.get(
        "/runs/{name}/tiles/{z}/{x}/{y}.png",
        response_class=Response,
        responses={200: {"content": {"image/png": {}}}},
    )
    def tile(
        *,
        name: RunName,
        z: Annotated[int, InPath(ge=0, le=rasters.DEEPEST)],
        x: Annotated[int, InPath(ge=0, lt=1 << rasters.DEEPEST)],
        y: Annotated[int, InPath(ge=0, lt=1 << rasters.DEEPEST)],
        map: Annotated[str, Query(max_length=500, description="file, as `maps` lists it")],
        only: Annotated[int | None, Query(ge=1, le=255, description="of classes: this one")] = None,
    ) -> Response:
        """Return a tile of a map, in Web Mercator."""
        found = _map(shelf, name, map)
        if max(x, y) >= 1 << z:
            raise HTTPException(404, "There is no such tile.")
        kept = {"cache-control": "private, max-age=3600"}
        return Response(rasters.tile(found, z, x, y, only), media_type="image/png", headers=kept)

    @made.get(
        "/runs/{name}/clusters/{number}.png",
        response_class=Response,
        responses={200: {"content": {"image/png": {}}}},
    )
    def cluster(name: RunName, number: Annotated[int, InPath(ge=1, le=255)]) -> Response:
        """Return what a labeller is shown of a cluster: where it is, and how it looks."""
        picture = naming.portrait(_found(shelf, name), number)
        if picture is None:
            raise HTTPException(404, "The run has no picture of such a cluster.")
        return Response(picture, media_type="image/png")

    @made.get("/runs/{name}/outlines")
    def outlines(name: RunName) -> dict[str, Any]:
        """Return districts and bodies of water as GeoJSON, in longitude and latitude."""
        return shapes.outlines(_found(shelf, name))

    @made.get("/runs/{name}/at")
    def at(
        name: RunName,
        lon: Lon,
        lat: Lat,
        date: Date = "",
        lang: Lang = "en",
    ) -> list[SaidView]:
        """Say what the maps of a date tell of a place; without one, those of all dates."""
        maps = rasters.rasters(_dated(shelf, name, date))
        found = [one for one in maps if not date or one.date in (date, "")]
        said = rasters.at(found, lon, lat, lang)
        return [SaidView(title=s.title, value=s.value, number=s.number) for s in said]

    @made.get("/runs/{name}/spectrum")
    def spectrum(name: RunName, lon: Lon, lat: Lat, date: Date = "") -> SpectrumView:
        """Say what the image of a date measured at a place, where it can be read still."""
        with refusing(shelf):
            found = spot.spectrum_of(_dated(shelf, name, date), date, lon, lat)
        if found is None:
            return SpectrumView()
        bands = [BandView(band=b, wavelength=w, value=v) for b, w, v in found.bands]
        return SpectrumView(reflectance=found.reflectance, bands=bands, indices=dict(found.indices))


def _map(shelf: Shelf, name: str, place: str) -> rasters.Raster:
    run = _found(shelf, name)
    found = [*rasters.rasters(run), *rasters.pictures(run)]
    one = next((one for one in found if one.place == place), None)
    if one is not None and one.layer.name in rasters.PICTURES:
        with refusing(shelf):
            one = rasters.made(run, one)
    if one is None or not one.file.is_file():
        raise HTTPException(404, "The run has no such map.")
    return one
