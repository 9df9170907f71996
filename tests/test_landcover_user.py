"""What people who used `obriy landcover` ran into."""

import sys

import pytest
from typer.testing import CliRunner

from obriy.cli.app import app
from obriy.errors import MissingExtraError
from obriy.methods.clustering.parse import parse_clusterer
from test_landcover_command import truth, write_scene


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp("user") / "scene.tif", truth())


def test_the_number_of_clusters_may_be_left_to_the_criterion(image, tmp_path):
    given = ["landcover", str(image), "--dry-run", "--out", str(tmp_path / "run")]
    auto = CliRunner().invoke(app, [*given, "--clusters", "auto"])
    assert auto.exit_code == 0, auto.output
    assert '"clusters": "auto"' in auto.output
    eight = CliRunner().invoke(app, [*given, "--clusters", "8"])
    assert '"clusters": 8' in eight.output


@pytest.mark.parametrize("method", ["autoencoder+kmeans", "unet+kmeans"])
def test_a_missing_torch_is_said_before_any_work(method, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"obriy\[deep\]"):
        parse_clusterer(method)
