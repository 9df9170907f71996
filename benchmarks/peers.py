"""What others do of the same: commands of those that are installed, and how their maps compare.

Water by MNDWI above 0: gdal_calc, Orfeo ToolBox (BandMath), GRASS (r.external, which copies no
band, r.mapcalc, r.out.gdal). By Otsu: scikit-image on the whole arrays. Twelve clusters: GRASS
(i.cluster on its own sample, i.maxlik), Orfeo ToolBox (a self-organising map of 4 x 3 on a sample
of its own: packages of Debian are built without its K-Means), scikit-learn (K-Means on all pixels,
bands standardised). All write one map, deflated.
"""

import json
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import rasterio

WRITE = """
def write(out, like, array, **tags):
    with rasterio.open(out, "w", driver="GTiff", width=like.width, height=like.height, count=1,
                       dtype="uint8", compress="deflate", tiled=True, crs=like.crs,
                       transform=like.transform) as to:
        to.write(array.astype("uint8"), 1)
        to.update_tags(**tags)
"""
OTSU = f"""
import sys
import numpy as np, rasterio
from skimage.filters import threshold_otsu
{WRITE}
out, *names = sys.argv[1:]
files = [rasterio.open(name) for name in names]
green, swir = (file.read(1).astype("float32") for file in files)
with np.errstate(invalid="ignore"):
    index = (green - swir) / (green + swir)
threshold = threshold_otsu(index[np.isfinite(index)])
write(out, files[0], index > threshold, threshold=float(threshold))
"""
KMEANS = f"""
import sys
import numpy as np, rasterio
from sklearn.cluster import KMeans
{WRITE}
out, *names = sys.argv[1:]
files = [rasterio.open(name) for name in names]
bands = np.stack([file.read(1) for file in files])
seen = (bands > 0).all(axis=0)
pixels = bands[:, seen].T.astype("float32")
pixels = (pixels - pixels.mean(axis=0)) / pixels.std(axis=0)
labels = np.zeros(seen.shape, "uint8")
labels[seen] = 1 + KMeans(12, n_init=1, random_state=0).fit(pixels).labels_
write(out, files[0], labels)
"""
DEFLATE = "?&gdal:co:COMPRESS=DEFLATE"


def of_zero(names: list[str], out: str) -> dict[str, list[str]]:
    """Return commands of others for water by MNDWI above 0."""
    ratio = "({0}-{1})/({0}+{1})>0"
    known = {
        "gdal_calc": ["gdal_calc.py", "-A", names[0], "-B", names[1], "--calc",
                      ratio.format("A.astype(float)", "B"), "--outfile", out, "--type", "Byte",
                      "--overwrite", "--quiet", "--co", "COMPRESS=DEFLATE", "--co", "TILED=YES"],
        "Orfeo ToolBox": ["otbcli_BandMath", "-il", *names, "-exp",
                          ratio.format("im1b1", "im2b1") + " ? 1 : 0", "-out", out + DEFLATE,
                          "uint8"],
        "GRASS": grass(names, out, f"r.mapcalc --q 'm = {ratio.format('float(b1)', 'b2')}'"),
    }  # fmt: skip
    return {name: command for name, command in known.items() if shutil.which(command[0])}


def of_otsu(names: list[str], out: str) -> dict[str, list[str]]:
    """Return commands of others for water by MNDWI above Otsu's threshold."""
    return {"scikit-image": [sys.executable, "-c", OTSU, out, *names]}


def of_clusters(names: list[str], out: str) -> dict[str, list[str]]:
    """Return commands of others for twelve clusters."""
    group = "group=g subgroup=s"
    bands = ",".join(f"b{number}" for number in range(1, len(names) + 1))
    of_grass = f"""i.group --q {group} input={bands}
        i.cluster --q {group} signaturefile=sig classes=12
        i.maxlik --q {group} signaturefile=sig output=m"""
    stack, seen = f"{out}.vrt", f"{out}.seen.tif"
    of_otb = f"""set -e
        gdalbuildvrt -q -overwrite -separate {shlex.join([stack, *names])}
        otbcli_BandMath -il {shlex.quote(names[0])} -exp 'im1b1>0 ? 1 : 0' -out {seen} uint8
        otbcli_SOMClassification -in {stack} -vm {seen} -out '{out}{DEFLATE}' uint8 \
            -ts 16384 -sx 4 -sy 3 -nx 3 -ny 3 -rand 1"""
    found = {"scikit-learn": [sys.executable, "-c", KMEANS, out, *names]}
    if shutil.which("grass"):
        found["GRASS"] = grass(names, out, of_grass)
    if shutil.which("otbcli_SOMClassification") and shutil.which("gdalbuildvrt"):
        found["Orfeo ToolBox"] = ["bash", "-c", of_otb]
    return found


def grass(names: list[str], out: str, work: str) -> list[str]:
    """Return what makes a map `m` of bands `b1`, `b2` and so on, in a location that then goes."""
    linked = [f"r.external --q input={shlex.quote(name)} output=b{number}"
              for number, name in enumerate(names, 1)]  # fmt: skip
    script = "\n".join([
        "set -e", *linked, "g.region raster=b1", work,
        f"r.out.gdal --q -f input=m output={shlex.quote(out)} type=Byte createopt=COMPRESS=DEFLATE "
        "nodata=255 --overwrite",
    ])  # fmt: skip
    return ["grass", "--tmp-location", names[0], "--exec", "bash", "-c", script]


def compare_water(own: Path, other: Path, names: list[str]) -> str:
    """Tell how many pixels of another's mask differ from ours, and its threshold."""
    with rasterio.open(own / "mask.tif") as ours, rasterio.open(other) as theirs:
        different = sum(
            np.count_nonzero((ours.read(1, window=w) == 2) != (theirs.read(1, window=w) == 1))
            for _, w in ours.block_windows(1)
        )
        threshold = theirs.tags().get("threshold")
    told = f"{different} pixels differ"
    if threshold is None:
        return told
    decided = json.loads((own / "result.json").read_text())["decision"]["threshold"]
    return f"threshold {float(threshold):.4f} (ours {decided:.4f}), {told}"


def compare_clusters(own: Path, other: Path, names: list[str]) -> str:
    """Tell how alike labels are to ours, and how much of the variance lies within clusters.

    Of every seventh seen pixel: in standardised bands, and in the features in which we cluster.
    """
    from sklearn.metrics import adjusted_rand_score

    stack = np.stack([_read(name) for name in names])
    seen = np.flatnonzero((stack > 0).all(axis=0))[::7]
    bands = stack.reshape(len(names), -1)[:, seen].astype(np.float32)
    ours, theirs = (_read(file).ravel()[seen] for file in (own / "clusters.tif", other))
    features = _our_features(bands / np.float32(1e4))
    bands = (bands - bands.mean(1, keepdims=True)) / bands.std(1, keepdims=True)
    left = [
        f"{where} {_within(theirs, points):.3f} (ours {_within(ours, points):.3f})"
        for where, points in (("bands", bands), ("our features", features))
    ]
    return f"ARI {adjusted_rand_score(ours, theirs):.2f}; variance left: {', '.join(left)}"


def _our_features(bands: np.ndarray) -> np.ndarray:
    """Return the points (dimensions, n) of pixels (ten bands, n), as we cluster them."""
    from clustering import NAMES
    from obriy.indices.features import feature_stack
    from obriy.methods.clustering.scaling import fit_axes, fit_scale

    planes = {name: plane[None] for name, plane in zip(NAMES, bands, strict=True)}
    values = feature_stack(planes, ("bands", "indices"))[:, 0]
    scaled = fit_scale(values.T).apply(values)
    return fit_axes(scaled.T, np.ones(scaled.shape[1], np.float32)).apply(scaled)


def _read(file: str | Path) -> np.ndarray:
    with rasterio.open(file) as opened:
        return opened.read(1)


def _within(labels: np.ndarray, points: np.ndarray) -> float:
    """Return the share of the variance of points that is within the groups that labels make."""
    counts = np.bincount(labels)
    between = sum(
        np.nansum(np.bincount(labels, plane.astype(float) - plane.mean(dtype=float)) ** 2
                  / np.where(counts, counts, np.nan))
        for plane in points
    )  # fmt: skip
    return 1 - between / (len(labels) * points.var(axis=1, dtype=float).sum())
