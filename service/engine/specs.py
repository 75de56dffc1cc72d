"""The tensors of every deployed model, as the service uses them.

They must say what `model_repository/<model>/config.pbtxt` says; a test compares the two. `name` is the friendly name
that pipelines use, `wire_name` the one that goes to the engine. Shapes are without the batch dimension.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TensorSpec:
    name: str  # friendly: image, hole, landmarks, raw
    wire_name: str  # as in config.pbtxt
    dtype: str  # KServe: UINT8, FP32, ...
    shape: tuple[int, ...]  # without the batch dimension


@dataclass(frozen=True)
class ModelSpec:
    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    ensemble: bool = False


FRAME_PIXELS = 256  # side of the face frame that LaFIn sees
GFC_FRAME_PIXELS = 128  # and GFC
DSA_LARGE_FRAME_PIXELS = 1024  # DSA's second size; its first is LaFIn's

IMAGE = (3, FRAME_PIXELS, FRAME_PIXELS)  # RGB, 0..255
HOLE = (1, FRAME_PIXELS, FRAME_PIXELS)  # {0, 1}, 1 = missing
LANDMARKS = (68, 2)  # (x, y) in pixels of the face frame
PARSING = (1, FRAME_PIXELS, FRAME_PIXELS)  # class ids; the parameter `classes` in config.pbtxt names them

FINDER_PIXELS = 640  # side of the frame that the finder sees the whole photograph in
MOST_FACES = 64  # rows of its list; a score of 0 is no face
FINDER_NUMBERS = 16  # score, centre x and y, size, sine and cosine of the roll, five points (x, y); frame pixels

DSA_LARGE_IMAGE = (3, DSA_LARGE_FRAME_PIXELS, DSA_LARGE_FRAME_PIXELS)
DSA_LARGE_HOLE = (1, DSA_LARGE_FRAME_PIXELS, DSA_LARGE_FRAME_PIXELS)
ATTRIBUTES = 8  # of a face, in [-1,1]; the parameter `attributes` in config.pbtxt names them
VECTOR = (ATTRIBUTES,)

GFC_IMAGE = (3, GFC_FRAME_PIXELS, GFC_FRAME_PIXELS)
GFC_HOLE = (1, GFC_FRAME_PIXELS, GFC_FRAME_PIXELS)

SPECS: dict[str, ModelSpec] = {
    "dsa_generator": ModelSpec(
        name="dsa_generator",
        inputs=(
            TensorSpec("image", "INPUT__0", "UINT8", IMAGE),
            TensorSpec("hole", "INPUT__1", "UINT8", HOLE),
        ),
        outputs=(TensorSpec("raw", "OUTPUT__0", "UINT8", IMAGE),),
    ),
    "dsa_generator_1024": ModelSpec(
        name="dsa_generator_1024",
        inputs=(
            TensorSpec("image", "INPUT__0", "UINT8", DSA_LARGE_IMAGE),
            TensorSpec("hole", "INPUT__1", "UINT8", DSA_LARGE_HOLE),
        ),
        outputs=(TensorSpec("raw", "OUTPUT__0", "UINT8", DSA_LARGE_IMAGE),),
    ),
    "finder": ModelSpec(
        name="finder",
        inputs=(
            TensorSpec("image", "INPUT__0", "UINT8", (3, FINDER_PIXELS, FINDER_PIXELS)),
            TensorSpec("hole", "INPUT__1", "UINT8", (1, FINDER_PIXELS, FINDER_PIXELS)),
        ),
        outputs=(TensorSpec("faces", "OUTPUT__0", "FP32", (MOST_FACES, FINDER_NUMBERS)),),
    ),
    "gfc_generator": ModelSpec(
        name="gfc_generator",
        inputs=(
            TensorSpec("image", "INPUT__0", "UINT8", GFC_IMAGE),
            TensorSpec("hole", "INPUT__1", "UINT8", GFC_HOLE),
            TensorSpec("noise", "INPUT__2", "FP32", GFC_IMAGE),  # [-1,1]
        ),
        outputs=(TensorSpec("raw", "OUTPUT__0", "UINT8", GFC_IMAGE),),
    ),
    "lafin_predictor": ModelSpec(
        name="lafin_predictor",
        inputs=(
            TensorSpec("image", "INPUT__0", "UINT8", IMAGE),
            TensorSpec("hole", "INPUT__1", "UINT8", HOLE),
        ),
        outputs=(TensorSpec("landmarks", "OUTPUT__0", "FP32", LANDMARKS),),
    ),
    "lafin_generator": ModelSpec(
        name="lafin_generator",
        inputs=(
            TensorSpec("image", "INPUT__0", "UINT8", IMAGE),
            TensorSpec("hole", "INPUT__1", "UINT8", HOLE),
            TensorSpec("landmarks", "INPUT__2", "FP32", LANDMARKS),
        ),
        outputs=(TensorSpec("raw", "OUTPUT__0", "UINT8", IMAGE),),
    ),
    "lafin": ModelSpec(
        name="lafin",
        inputs=(
            TensorSpec("image", "image", "UINT8", IMAGE),
            TensorSpec("hole", "hole", "UINT8", HOLE),
        ),
        outputs=(
            TensorSpec("raw", "raw", "UINT8", IMAGE),
            TensorSpec("landmarks", "landmarks", "FP32", LANDMARKS),
        ),
        ensemble=True,
    ),
    "parser": ModelSpec(
        name="parser",
        inputs=(TensorSpec("image", "INPUT__0", "UINT8", IMAGE),),
        outputs=(TensorSpec("parsing", "OUTPUT__0", "UINT8", PARSING),),
    ),
    "reference_extractor": ModelSpec(
        name="reference_extractor",
        inputs=(
            TensorSpec("image", "INPUT__0", "UINT8", IMAGE),
            TensorSpec("hole", "INPUT__1", "UINT8", HOLE),
        ),
        outputs=(TensorSpec("attributes", "OUTPUT__0", "FP32", VECTOR),),
    ),
    "reference_generator": ModelSpec(
        name="reference_generator",
        inputs=(
            TensorSpec("image", "INPUT__0", "UINT8", IMAGE),
            TensorSpec("hole", "INPUT__1", "UINT8", HOLE),
            TensorSpec("attributes", "INPUT__2", "FP32", VECTOR),
        ),
        outputs=(TensorSpec("raw", "OUTPUT__0", "UINT8", IMAGE),),
    ),
    "reference": ModelSpec(
        name="reference",
        inputs=(
            TensorSpec("image", "image", "UINT8", IMAGE),
            TensorSpec("hole", "hole", "UINT8", HOLE),
            TensorSpec("reference", "reference", "UINT8", IMAGE),
            TensorSpec("reference_hole", "reference_hole", "UINT8", HOLE),
        ),
        outputs=(
            TensorSpec("raw", "raw", "UINT8", IMAGE),
            TensorSpec("attributes", "attributes", "FP32", VECTOR),
        ),
        ensemble=True,
    ),
    "showface_coarse": ModelSpec(
        name="showface_coarse",
        inputs=(
            TensorSpec("image", "INPUT__0", "UINT8", IMAGE),
            TensorSpec("hole", "INPUT__1", "UINT8", HOLE),
        ),
        outputs=(TensorSpec("coarse", "OUTPUT__0", "UINT8", IMAGE),),
    ),
    "showface_refiner": ModelSpec(
        name="showface_refiner",
        inputs=(
            TensorSpec("coarse", "INPUT__0", "UINT8", IMAGE),
            TensorSpec("hole", "INPUT__1", "UINT8", HOLE),
            TensorSpec("parsing", "INPUT__2", "UINT8", PARSING),
        ),
        outputs=(TensorSpec("raw", "OUTPUT__0", "UINT8", IMAGE),),
    ),
    "showface": ModelSpec(
        name="showface",
        inputs=(
            TensorSpec("image", "image", "UINT8", IMAGE),
            TensorSpec("hole", "hole", "UINT8", HOLE),
        ),
        outputs=(
            TensorSpec("raw", "raw", "UINT8", IMAGE),
            TensorSpec("coarse", "coarse", "UINT8", IMAGE),
            TensorSpec("parsing", "parsing", "UINT8", PARSING),
        ),
        ensemble=True,
    ),
}
