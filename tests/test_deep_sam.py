"""Segment Anything: a small model of the real kind, saved and loaded as the published ones are."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from obriy.errors import InputError
from obriy.nets.sam import load_sam, stack_masks

pytest.importorskip("torch", reason="needs the extra deep")
transformers = pytest.importorskip("transformers", reason="needs the extra deep")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A SAM with two layers and arbitrary weights that is sure of all its masks."""
    import torch

    size = {"image_size": 64, "patch_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.SamConfig(
        vision_config={
            **size, "hidden_size": 32, "output_channels": 16, "mlp_dim": 64,
            "global_attn_indexes": [1], "window_size": 4, "num_pos_feats": 8,
        },
        prompt_encoder_config={
            "hidden_size": 16, "image_size": 64, "patch_size": 8, "mask_input_channels": 4,
            "image_embedding_size": 8,
        },
        mask_decoder_config={
            "hidden_size": 16, "mlp_dim": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
            "iou_head_hidden_dim": 16, "iou_head_depth": 2,
        },
    )  # fmt: skip
    model = transformers.SamModel(config)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.normal_(0, 0.5, generator=generator)
        model.mask_decoder.iou_prediction_head.proj_out.weight.zero_()
        model.mask_decoder.iou_prediction_head.proj_out.bias.fill_(1)  # its own guess of its IoU
        for head in model.mask_decoder.output_hypernetworks_mlps:
            head.proj_out.weight.mul_(1e4)  # steep edges: masks that a threshold does not move
    processor = transformers.SamImageProcessor(
        size={"longest_edge": 64}, pad_size={"height": 64, "width": 64},
        mask_size={"longest_edge": 16}, mask_pad_size={"height": 16, "width": 16},
    )  # fmt: skip
    path = tmp_path_factory.mktemp("sam")
    model.save_pretrained(path)
    processor.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def image():
    return np.kron(
        np.random.default_rng(0).integers(0, 255, (4, 5, 3)), np.ones((12, 12, 1))
    ).astype("uint8")


@pytest.fixture
def calm():
    """One thread for torch: with other tests beside it, its threads would wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("calm")
def test_segments_of_a_real_model(folder, image):
    before = image.copy()
    segment = load_sam(str(folder))
    found = segment(image)
    assert found.shape == (48, 60)
    assert found.dtype == np.int32
    numbers = np.unique(found)
    assert numbers.max() >= 1
    np.testing.assert_array_equal(numbers, np.arange(numbers[0], numbers[-1] + 1))
    np.testing.assert_array_equal(segment(image), found)
    np.testing.assert_array_equal(load_sam(str(folder))(image), found)
    np.testing.assert_array_equal(image, before)
    assert not np.array_equal(segment(image[::-1].copy()), found)


def test_smaller_masks_lie_on_top_by_hand():
    large, small, hidden = (np.zeros((3, 4), bool) for _ in range(3))
    large[:2], small[0, :2], hidden[0, 0] = True, True, True
    small_too = np.zeros((3, 4), bool)
    small_too[0, 1] = True
    # Sizes 8, 2, 1, 1: the square of one pixel at (0, 0) and that at (0, 1) hide the pair.
    found = stack_masks([small, hidden, large, small_too], (3, 4))
    np.testing.assert_array_equal(found, [[2, 3, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]])
    np.testing.assert_array_equal(stack_masks([], (2, 2)), np.zeros((2, 2)))


def test_weights_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match=r"There is no folder .*none.*hub"):
        load_sam(str(tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"could not be loaded.*--model"):
        load_sam(str(tmp_path / "empty"))
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "config.json").write_text('{"model_type": "sam"}')
    (foreign / "pytorch_model.bin").write_bytes(pickle.dumps(Path("/")))
    with pytest.raises(InputError, match="could not be loaded"):
        load_sam(str(foreign))


def test_a_name_at_the_hub_without_a_network_is_one_line_and_quick(monkeypatch, capfd):
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub.constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(InputError, match="not on this machine, and the hub cannot be reached"):
        load_sam("nobody-at-all/sam-of-no-kind")
    out, err = capfd.readouterr()
    assert "etry" not in out + err
    assert "thrown while requesting" not in out + err
