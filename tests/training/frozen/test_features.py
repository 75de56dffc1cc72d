"""Feature networks: torchvision's structure, names of layers, frozen weights, refused files."""

import pickle

import pytest
import safetensors.torch
import torch

from training.frozen.features import (
    DISTANCE_LAYERS,
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    LAFIN_CODE_STYLE_LAYERS,
    LOSS_LAYERS,
    NETWORKS,
    FeatureFileError,
    FrozenFeatures,
    load_features,
)

# torchvision's key -> shape, a sample of each network.
KNOWN_KEYS = {
    "vgg16": {"features.0.weight": (64, 3, 3, 3), "features.28.weight": (512, 512, 3, 3), "features.28.bias": (512,)},
    "vgg19": {"features.2.weight": (64, 64, 3, 3), "features.34.weight": (512, 512, 3, 3), "features.34.bias": (512,)},
    "squeezenet1_1": {
        "features.0.weight": (64, 3, 3, 3),
        "features.3.squeeze.weight": (16, 64, 1, 1),
        "features.12.expand3x3.weight": (256, 64, 3, 3),
    },
}
KEY_COUNTS = {"vgg16": 26, "vgg19": 32, "squeezenet1_1": 50}


@pytest.fixture(scope="module")
def squeezenet_state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return FrozenFeatures("squeezenet1_1").state_dict()


@pytest.mark.parametrize("network", list(NETWORKS))
def test_keys_are_torchvisions(network: str):
    with torch.device("meta"):
        features, _ = NETWORKS[network]()
    keys = {f"features.{key}": tuple(value.shape) for key, value in features.state_dict().items()}
    assert len(keys) == KEY_COUNTS[network]
    assert KNOWN_KEYS[network].items() <= keys.items()


def test_squeezenet_layers_have_the_documented_widths(squeezenet_state):
    frozen = FrozenFeatures("squeezenet1_1", DISTANCE_LAYERS["squeezenet1_1"])
    maps = frozen(torch.rand(1, 3, 64, 64))
    assert {name: tuple(maps[name].shape[1:]) for name in maps} == {
        "relu1": (64, 31, 31),
        "fire3": (128, 15, 15),
        "fire5": (256, 7, 7),
        "fire6": (384, 3, 3),
        "fire7": (384, 3, 3),
        "fire8": (512, 3, 3),
        "fire9": (512, 3, 3),
    }
    assert all((value >= 0).all() for value in maps.values())


def test_vgg_layers_follow_their_convolutions():
    frozen = FrozenFeatures("vgg19", LAFIN_CODE_STYLE_LAYERS)
    maps = frozen(torch.rand(1, 3, 32, 32))
    assert [tuple(value.shape[1:]) for value in maps.values()] == [(128, 16, 16), (256, 8, 8), (512, 4, 4), (512, 2, 2)]
    assert tuple(maps) == LAFIN_CODE_STYLE_LAYERS


def test_first_vgg_layer_is_the_first_convolution_of_the_normalised_picture():
    frozen = FrozenFeatures("vgg16", ["relu1_1"])
    image = torch.rand(1, 3, 8, 8)
    normalised = (image - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_DEVIATION).view(3, 1, 1)
    assert torch.allclose(frozen(image)["relu1_1"], frozen.features[0](normalised).relu(), atol=1e-6)
    frozen.normalise = False
    assert torch.allclose(frozen(image)["relu1_1"], frozen.features[0](image).relu(), atol=1e-6)


def test_weights_are_frozen_but_gradients_reach_the_picture(squeezenet_state):
    frozen = FrozenFeatures("squeezenet1_1")
    frozen.train()
    assert not frozen.training
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    frozen(image)["fire9"].sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
def test_file_is_recognised_by_its_keys_and_a_classifier_is_ignored(tmp_path, squeezenet_state, ending: str):
    path = tmp_path / f"weights{ending}"
    state = {**squeezenet_state, "classifier.1.weight": torch.zeros(10, 512, 1, 1)}
    safetensors.torch.save_file(state, path) if ending == ".safetensors" else torch.save(state, path)
    frozen = load_features(path)
    assert frozen.network == "squeezenet1_1"
    assert frozen.layers == LOSS_LAYERS["squeezenet1_1"]
    assert load_features(path, DISTANCE_LAYERS).layers == DISTANCE_LAYERS["squeezenet1_1"]
    image = torch.rand(1, 3, 32, 32)
    assert torch.equal(frozen(image)["relu1"], load_features(path, ["relu1"])(image)["relu1"])


def test_missing_and_misshapen_keys_are_named(tmp_path, squeezenet_state):
    state = dict(squeezenet_state)
    del state["features.12.squeeze.bias"]
    state["features.0.bias"] = torch.zeros(3)
    safetensors.torch.save_file(state, tmp_path / "broken.safetensors")
    with pytest.raises(FeatureFileError) as caught:
        load_features(tmp_path / "broken.safetensors")
    assert "features.12.squeeze.bias is missing" in str(caught.value)
    assert "features.0.bias is [3], not [64]" in str(caught.value)


def test_other_files_are_refused_in_one_line(tmp_path):
    with pytest.raises(FeatureFileError, match="no feature network at"):
        load_features(tmp_path / "absent.pth")
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(FeatureFileError, match="has the keys of none of vgg16, vgg19, squeezenet1_1"):
        load_features(tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "text.safetensors").write_text("no weights")
    (tmp_path / "objects.pth").write_bytes(pickle.dumps({"features.0.weight": print}))
    for name in ("text.pth", "text.safetensors", "objects.pth"):
        with pytest.raises(FeatureFileError, match="is not a file of weights") as caught:
            load_features(tmp_path / name)
        assert "\n" not in str(caught.value)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(FeatureFileError, match="no plain table"):
        load_features(tmp_path / "list.pth")
