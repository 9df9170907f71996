"""Does a student beat its teacher? On the chips with WorldCover; needs the extra `deep`.

    python benchmarks/landcover_student.py FOLDER

The teacher is what `map_landcover` makes of each chip: K-Means, 12 clusters, named by `spectral`.
The student learns from its maps of the chips to choose by, and both are judged on those to report
on, none of whose places it saw, on pixels where WorldCover is not contradicted by the water label.
The labeller was fitted on an older split, and saw some of that ground: it has a start.
"""

import json
import sys
from pathlib import Path

import numpy as np
import xarray as xr

from obriy.methods.student import student_method
from obriy.model.grid import coords_of, geobox_of
from obriy.model.legend import load_legend
from obriy.model.reference import Reference
from obriy.workflows.landcover.job import map_landcover
from obriy.workflows.learn.landcover import LandcoverTrainConfig, train_landcover
from obriy.workflows.learn.landcover_judging import judge
from obriy.workflows.learn.landcover_lessons import Lesson, lay_cells
from tune_landcover.chips import CODES, Chip, load

CLUSTERS = 12
SIDE = 56
"""Two blocks and a gap on a side of a chip."""


def lesson_of(chip: Chip) -> Lesson:
    named = map_landcover(chip.scene, clusters=CLUSTERS)
    codes = np.where((chip.reference < 0) | chip.flooded, 0, CODES[chip.reference])
    grid = coords_of(geobox_of(chip.scene))
    truth = xr.DataArray(codes.astype("uint8"), dims=("y", "x"), coords=grid)
    reference = Reference(truth, load_legend("worldcover"), "WorldCover of the chips")
    return Lesson(chip.scene, named, reference, f"chip {chip.number} of {chip.site}")


def main() -> None:
    folder = Path(sys.argv[1])
    config = LandcoverTrainConfig(out=folder, patch=SIDE, validation_share=0.25, device="cpu")
    train_landcover(config, lessons=[lesson_of(chip) for chip in load("choose")])
    student = student_method(str(folder / "model.obriy"), "cpu")
    lessons = [lesson_of(chip) for chip in load("report")]
    cells = lay_cells([lesson.shape for lesson in lessons], SIDE)
    result = judge(lessons, cells, SIDE, student.decide(None), seed=0)
    for name in ("teacher", "student"):
        scores = result[name]
        merged = scores["merged"]
        print(
            f"{name:8} OA {scores['overall_accuracy']:.3f} mIoU {scores['mean_iou']:.3f}; "
            f"main classes {merged['overall_accuracy']:.3f} {merged['mean_iou']:.3f}"
        )
    print(len(lessons), "chips", result["verdict"], json.dumps(result["difference"]))


if __name__ == "__main__":
    main()
