"""`make soak`: a season of 12 dates, read over a network of which a tenth of the answers fails.

Each fault alone, all of them together, a process that is killed and one that finds the network off.
A run has the numbers of the files, or says of each date what it lacks; anything else ends this with
an error. What is printed: requests, those sent again, seconds, bytes that came, and those that came
twice.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import rasterio.shutil  # noqa: F401 - of scenes
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles
from tests.servers.faults import FAULTS, at_times, faulty
from tests.servers.running import running
from tests.stac_scenes import item_of, write_items, write_scene

from obriy.errors import ObriyError
from obriy.net import cache, mirror, remote
from obriy.net.client import client, drop_client
from obriy.settings import settings, silence_gdal
from obriy.tables import load_toml
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import run_job

DATES = [f"2025-{month:02d}-{day:02d}" for month in (5, 6, 7, 8) for day in (5, 15, 25)]
SIDE = 512
SHARE = 0.1
AOI = "33.005,46.912,33.058,46.948"
TOLD = {"net_wait_s": 0.01, "net_longest_wait_s": 0.2, "net_silence_s": 1, "net_deadline_s": 2}


def season(folder):
    """Write the dates; returns band files by date."""
    y, x = np.mgrid[:SIDE, :SIDE]
    rings = {}
    for number, date in enumerate(DATES):
        water = np.hypot(y - SIDE / 2, x - SIDE / 2) < 60 + 8 * number
        rings[date] = write_scene(folder / "served" / date, water, seed=number)
    return rings


def items(folder, rings, address):
    """Write the items of files at a server that asks for tokens; returns the source."""

    def href(file):
        return f"{address}/{file.parent.name}/{file.name}"

    listed = [
        item_of(files, f"S2B_{date}", f"{date}T08:36:09Z", href=href)
        for date, files in rings.items()
    ]
    return f"stac:{write_items(folder / 'items.json', listed)}"


def behind(folder):
    """A server of files and of tokens, each of which is another."""
    files, count, lock = StaticFiles(directory=folder / "served"), [0], threading.Lock()

    async def serve(scope, receive, send):
        if not scope["path"].endswith("/token"):
            return await files(scope, receive, send)
        with lock:
            count[0] += 1
        told = {"token": f"sig={count[0]}", "msft:expiry": "2100-01-01T00:00:00Z"}
        return await JSONResponse(told)(scope, receive, send)

    return serve


def begin(folder):
    """Start as a new process with an empty cache would; one that is there is kept aside."""
    os.environ.update({f"OBRIY_{name.upper()}": str(value) for name, value in TOLD.items()})
    os.environ["OBRIY_CACHE"] = str(folder)
    settings.cache_clear()
    drop_client()
    remote.let_go()


def run(source, out):
    """Map the season; returns its dates, or the error that ended it."""
    given = {"source": source, "aoi": AOI, "datetime": "2025-05/2025-08", "method": "ndwi:0.05",
             "outputs": ["mask"], "out": out}  # fmt: skip
    try:
        return run_job(make_config(WaterConfig, given)).result.dates
    except ObriyError as error:
        return error


def numbers(date):
    return [date.area_km2, *date.interval_km2, date.unseen_share]


def verdict(clean, dates):
    """Say what came of a run; raises where a number is neither that of the files nor excused."""
    if isinstance(dates, ObriyError):
        return f"nothing: {dates.message[:60]}"
    same = partial = failed = 0
    for want, got in zip(clean, dates, strict=True):
        if got.status != "failed" and np.allclose(numbers(want), numbers(got), 1e-12, 0):
            same += 1
        elif got.status == "failed":
            failed += 1
        elif got.unseen_share > want.unseen_share:
            partial += 1
        else:
            raise AssertionError(f"{got.date}: {got.area_km2} in place of {want.area_km2}")
    return f"{same} same, {partial} partial, {failed} failed"


def kept_bytes():
    """How many bytes of files the cache has."""
    remote.let_go()
    hrefs = [json_of(kept.folder / "about.json")["href"] for kept in cache.entries("files")]
    return sum(mirror.find(href).fetched for href in hrefs)


def json_of(path):
    return json.loads(path.read_text())


def line(name, said, seconds, met=0, traffic=None, twice=0):
    traffic = traffic or client().traffic
    print(
        f"{name:22} {met:4} {traffic.requests:6} {traffic.again:6} {seconds:7.1f} "
        f"{traffic.received / 1e6:7.2f} {twice / 1e6:7.2f}  {said}",
        flush=True,
    )


def one(folder, port, rings, name, fault, clean):
    """Run the season behind one fault, from an empty cache."""
    begin(folder / "cache" / name)
    with faulty(port, fault) as proxy:
        listed = items(folder, rings, proxy.url).removeprefix("stac:")
        load_toml("catalogues")["catalogues"]["soak"] = {
            "title": "soak", "api": listed, "collections": [], "signs": "127.0.0.1",
            "sign": f"{proxy.url}/token",
        }  # fmt: skip
        begun = time.monotonic()
        dates = run("stac:soak", folder / "runs" / name)
        seconds = time.monotonic() - begun
    traffic = client().traffic
    line(name, verdict(clean or dates, dates), seconds, sum(proxy.met.values()), traffic,
         traffic.received - kept_bytes())  # fmt: skip
    return dates


def killed(folder, port, rings, clean):
    """Kill a process in the middle; what it read is not read again."""
    begin(folder / "cache" / "killed")
    sent = []
    with faulty(port, lambda path, span, n: sent.append(span)) as proxy:
        source = items(folder, rings, proxy.url)
        words = ["water", source, "--aoi", AOI, "--datetime", "2025-05/2025-08", "--method",
                 "ndwi:0.05", "--outputs", "mask", "--out", folder / "runs" / "killed"]  # fmt: skip
        process = subprocess.Popen([sys.executable, "-m", "obriy", *map(str, words), "--quiet"])
        while len(sent) < 60 and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = list(sent)
        begun = time.monotonic()
        dates = run(source, folder / "runs" / "killed")
        seconds = time.monotonic() - begun
    said = verdict(clean, dates)
    line(f"killed after {len(before)}", said, seconds, 0, None, length(sent) - kept_bytes())


def length(spans):
    told = [span.removeprefix("bytes=").split("-") for span in spans if span]
    return sum(int(last) + 1 - int(first) for first, last in told)


def off(folder, clean):
    """Run again what was read, at an address where nothing listens any more."""
    source = "stac:soak"
    begun = time.monotonic()
    dates = run(source, folder / "runs" / "cached")
    line("network off, cached", verdict(clean, dates), time.monotonic() - begun)


def main():
    silence_gdal()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        rings = season(folder)
        port = stack.enter_context(running(behind(folder))).port
        print(f"{'fault':22} {'met':>4} {'asked':>6} {'again':>6} {'s':>7} {'MB':>7} {'twice':>7}")
        clean = one(folder, port, rings, "none", lambda *_: None, None)
        if isinstance(clean, ObriyError):
            raise clean
        for fault in sys.argv[1:] or FAULTS:
            one(folder, port, rings, fault, at_times(SHARE, fault), clean)
        one(folder, port, rings, "all", at_times(SHARE, *FAULTS), clean)
        one(folder, port, rings, "busy, half", at_times(0.5, "busy"), clean)
        one(folder, port, rings, "busy, nine of ten", at_times(0.9, "busy"), clean)
        killed(folder, port, rings, clean)
        begin(folder / "cache" / "off")
        one(folder, port, rings, "off", lambda *_: None, clean)
        remote.let_go()
        drop_client()
        off(folder, clean)
        shutil.rmtree(folder / "cache")


if __name__ == "__main__":
    main()
