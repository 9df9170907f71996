"""A Process API on this machine: OAuth, the catalogue, and images cut out of local scenes.

It takes requests apart as the service does (bounds, size, evalscript, time), resamples a scene of
this disk, and answers with the file asked for; it refuses what the service refuses.
"""

import contextlib
import dataclasses
import datetime as dt
import io
import json
import re
import tarfile
import threading
import time
import uuid

import numpy as np
import pyproj
import rasterio
import shapely
from affine import Affine
from rasterio.windows import Window
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.servers.running import running

LIMIT = 2500
QUALITY = ("SCL", "CLM")


@dataclasses.dataclass
class Scene:
    """A scene of this disk: bands by description, e.g. ``B03`` and ``SCL``; 0 in B03: no data."""

    id: str
    time: str
    path: str
    cloud_cover: float = 0.0

    @property
    def moment(self):
        return dt.datetime.fromisoformat(self.time.replace("Z", "+00:00"))


@dataclasses.dataclass
class Fault:
    """What is answered in place of an image, and for how many requests."""

    status: int
    times: int
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes | None = None
    only: object = None
    """Of a request, whether it is met; None: each is."""


class ProcessApi:
    """The service: scenes, one client, its quota, and what goes wrong."""

    def __init__(self, scenes, client=("id", "secret"), limit=LIMIT):
        self.scenes, self.client, self.limit = list(scenes), client, limit
        self.tokens = {}
        self.token_life_s = 3600.0
        self.units_left = float("inf")
        self.faults = []
        self.requests, self.searches, self.logins = [], [], 0
        self.under_way = self.most_under_way = 0
        self.lock = threading.Lock()
        self.page = 100

    def app(self):
        return Starlette(
            routes=[
                Route("/token", self.token, methods=["POST"]),
                Route("/api/v1/catalog/1.0.0/search", self.search, methods=["POST"]),
                Route("/api/v1/process", self.process, methods=["POST"]),
            ]
        )

    async def token(self, request):
        form = dict(
            part.split("=", 1) for part in (await request.body()).decode().split("&") if part
        )
        self.logins += 1
        given = form.get("client_id"), form.get("client_secret")
        if form.get("grant_type") != "client_credentials" or given != self.client:
            said = {"error": "invalid_client", "error_description": f"unknown {given[1]}"}
            return JSONResponse(said, 401)
        token = uuid.uuid4().hex
        self.tokens[token] = time.time() + self.token_life_s
        return JSONResponse(
            {"access_token": token, "expires_in": int(self.token_life_s), "token_type": "Bearer"}
        )

    def refused(self, request):
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0) < time.time():
            return error(
                401, "Unauthorized", "The token is expired or unknown", "COMMON_UNAUTHORIZED"
            )
        return None

    async def search(self, request):
        refused = self.refused(request)
        if refused:
            return refused
        asked = json.loads(await request.body())
        self.searches.append(asked)
        first, last = (dt.datetime.fromisoformat(t.replace("Z", "+00:00"))
                       for t in asked["datetime"].split("/"))  # fmt: skip
        area = (
            shapely.from_geojson(json.dumps(asked["intersects"]))
            if "intersects" in asked
            else shapely.box(*asked["bbox"])
        )
        found = [
            feature(scene, asked["collections"][0])
            for scene in sorted(self.scenes, key=lambda s: s.time, reverse=True)
            if first <= scene.moment <= last and outline(scene).intersects(area)
        ]
        start = int(asked.get("next", 0))
        size = min(int(asked.get("limit", 10)), self.page)
        page = found[start : start + size]
        context = {"limit": size, "returned": len(page)}
        if start + size < len(found):
            context["next"] = start + size
        return JSONResponse({"type": "FeatureCollection", "features": page, "context": context})

    async def process(self, request):
        with self.lock:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            body = json.loads(await request.body())
            return self.refused(request) or await run_in_threadpool(self.answer, body)
        finally:
            with self.lock:
                self.under_way -= 1

    def answer(self, body):
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and (fault.only is None or fault.only(body)):
                    fault.times -= 1
                    if fault.body is not None:
                        return Response(fault.body, fault.status, fault.headers)
                    return error(fault.status, "Fault", "as the test asked", "RENDERER_EXCEPTION",
                                 fault.headers)  # fmt: skip
        output = body["output"]
        width, height = output["width"], output["height"]
        if max(width, height) > self.limit:
            said = f"The value of parameter 'width' or 'height' must be 1 to {self.limit}"
            return error(400, "Bad Request", said, "COMMON_BAD_PAYLOAD")
        script = Evalscript(body["evalscript"])
        units = max(0.005, max(0.01, width * height / 512**2) * script.charged / 3)
        with self.lock:
            if units > self.units_left:
                said = "Insufficient processing units or requests available in your account."
                return error(403, "Forbidden", said, "COMMON_INSUFFICIENT_PERMISSIONS")
            self.units_left -= units
            self.requests.append(body)
        image = self.image(body, script)
        named = {r["identifier"]: image for r in output["responses"]}
        files = {name: tiff(values, body) for name, values in named.items()}
        if len(files) == 1:
            return Response(next(iter(files.values())), media_type="image/tiff")
        return Response(packed(files), media_type="application/tar")

    def image(self, body, script):
        """Return what the evalscript makes of the scenes in its time, (bands, rows, columns)."""
        sources = {entry.get("id", ""): entry for entry in body["input"]["data"]}
        bounds = body["input"]["bounds"]
        crs = int(bounds["properties"]["crs"].rsplit("/", 1)[1])
        shape = body["output"]["height"], body["output"]["width"]
        return np.stack(
            [
                self.band(name, sources[source], bounds["bbox"], crs, shape)
                for source, name in script.returned
            ]
        )

    def band(self, name, source, bbox, crs, shape):
        span = source["dataFilter"]["timeRange"]
        way = source.get("processing", {}).get("upsampling", "NEAREST")
        made = np.zeros(shape, "uint16")
        seen = np.zeros(shape, bool)
        for scene in sorted(self.scenes, key=lambda s: s.time, reverse=True):
            if not moment(span["from"]) <= scene.moment <= moment(span["to"]):
                continue
            with rasterio.open(scene.path) as file:
                x, y = centres(bbox, crs, shape, file.crs.to_epsg())
                mask = sampled(file, file.descriptions.index("B03") + 1, x, y, "NEAREST") > 0
                if name == "dataMask":
                    values = mask.astype("uint16")
                else:
                    own = "NEAREST" if name in QUALITY else way
                    values = sampled(file, file.descriptions.index(name) + 1, x, y, own)
            made = np.where(seen | ~mask, made, values)
            seen |= mask
        return made


class Evalscript:
    """What a script of version 3 reads and returns, without running it."""

    def __init__(self, text):
        assert text.startswith("//VERSION=3"), text
        inputs = re.search(r"input:\s*\[(.*?)\],\s*mosaicking", text, re.DOTALL)[1]
        self.inputs = {}
        for part in re.findall(r"\{(.*?)\}", inputs, re.DOTALL):
            source = re.search(r'datasource:\s*"(\w+)"', part)
            bands = re.search(r"bands:\s*\[(.*?)\]", part)[1]
            units = re.findall(r'"(\w+)"', re.search(r"units:\s*\[(.*?)\]", part)[1])
            names = re.findall(r'"(\w+)"', bands)
            assert units == ["DN"] * len(names), part
            self.inputs[source[1] if source else ""] = names
        wanted = re.search(r"return \[([^\]]*(?:\[0\][^\]]*)*)\];\s*\}\s*$", text)[1]
        self.returned = [self.source_of(one.strip()) for one in wanted.split(", ")]
        count = int(re.search(r"output:\s*\{bands:\s*(\d+)", text)[1])
        assert len(self.returned) == count, text
        assert 'sampleType: "UINT16"' in text

    def source_of(self, expression):
        found = re.fullmatch(r"sample\.(\w+)|samples\.(\w+)\[0\]\.(\w+)", expression)
        source, name = (found[2] or "", found[1] or found[3])
        assert name in self.inputs[source], expression
        return source, name

    @property
    def charged(self):
        return sum(name != "dataMask" for names in self.inputs.values() for name in names)


def moment(text):
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))


def centres(bbox, crs, shape, own):
    """Return the middles of pixels in the CRS of a scene, (rows, columns) each."""
    west, south, east, north = bbox
    x = west + (np.arange(shape[1]) + 0.5) * (east - west) / shape[1]
    y = north - (np.arange(shape[0]) + 0.5) * (north - south) / shape[0]
    if crs == own:
        return x, y
    grid = np.meshgrid(x, y)
    return pyproj.Transformer.from_crs(crs, own, always_xy=True).transform(*grid)


def sampled(file, index, x, y, way):
    """Return a band at points; beyond the scene 0. BILINEAR sees no pixel beyond the points."""
    inverse = ~file.transform
    column, row = inverse.a * x + inverse.c, inverse.e * y + inverse.f
    if column.ndim == 1:
        row, column = np.meshgrid(row, column, indexing="ij")
    inside = (row >= 0) & (row < file.height) & (column >= 0) & (column < file.width)
    if not inside.any():
        return np.zeros(row.shape, "uint16")
    top, left = (int(max(0, np.floor(v.min()))) for v in (row, column))
    bottom = int(min(file.height, np.floor(row.max()) + 1))
    right = int(min(file.width, np.floor(column.max()) + 1))
    values = file.read(index, window=Window(left, top, right - left, bottom - top))
    if way == "NEAREST":
        r = np.clip(np.floor(row).astype(int) - top, 0, bottom - top - 1)
        c = np.clip(np.floor(column).astype(int) - left, 0, right - left - 1)
        return np.where(inside, values[r, c], 0).astype("uint16")
    r = np.clip(row - 0.5 - top, 0, bottom - top - 1)
    c = np.clip(column - 0.5 - left, 0, right - left - 1)
    r0, c0 = np.floor(r).astype(int), np.floor(c).astype(int)
    r1, c1 = np.minimum(r0 + 1, bottom - top - 1), np.minimum(c0 + 1, right - left - 1)
    dr, dc = r - r0, c - c0
    upper = values[r0, c0] * (1 - dc) + values[r0, c1] * dc
    lower = values[r1, c0] * (1 - dc) + values[r1, c1] * dc
    mixed = np.round(upper * (1 - dr) + lower * dr)
    return np.where(inside, mixed, 0).astype("uint16")


def tiff(values, body):
    west, _, east, north = body["input"]["bounds"]["bbox"]
    south = body["input"]["bounds"]["bbox"][1]
    count, height, width = values.shape
    affine = Affine((east - west) / width, 0, west, 0, -(north - south) / height, north)
    crs = f"EPSG:{body['input']['bounds']['properties']['crs'].rsplit('/', 1)[1]}"
    with rasterio.MemoryFile() as memory:
        form = {"driver": "GTiff", "dtype": "uint16", "compress": "deflate", "zlevel": 1}
        grid = {"height": height, "width": width, "crs": crs, "transform": affine}
        with memory.open(count=count, **form, **grid) as file:
            file.write(values)
        return memory.read()


def packed(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{name}.tif")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def error(status, reason, message, code, headers=None):
    """Return an error in the words of the service."""
    said = {"status": status, "reason": reason, "message": message, "code": code}
    return JSONResponse({"error": said}, status, headers or {})


def outline(scene):
    with rasterio.open(scene.path) as file:
        bounds = rasterio.warp.transform_bounds(file.crs, "EPSG:4326", *file.bounds)
    return shapely.box(*bounds)


def feature(scene, collection):
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": scene.id,
        "collection": collection,
        "geometry": json.loads(shapely.to_geojson(outline(scene))),
        "properties": {"datetime": scene.time, "eo:cloud_cover": scene.cloud_cover},
    }


@contextlib.contextmanager
def serving(api):
    """Run a service; yield its address."""
    with running(api.app()) as here:
        yield here.url


def write_profile(folder, url, client=("id", "secret"), **settings):
    """Write the SDK's file with a profile ``loopback``; return its folder, for XDG_CONFIG_HOME."""
    lines = {
        "sh_client_id": client[0],
        "sh_client_secret": client[1],
        "sh_base_url": url,
        "sh_token_url": f"{url}/token",
        "download_sleep_time": 0.01,
        **settings,
    }
    path = folder / "sentinelhub" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in lines.items())
    path.write_text(f"[loopback]\n{text}\n", encoding="utf-8")
    return folder
