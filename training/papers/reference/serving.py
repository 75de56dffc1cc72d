"""What is deployed: bytes in, attributes or bytes out, normalisation inside. And the systems that run it."""

from __future__ import annotations

import torch
from torch import Tensor

from training.deployed import Deployed, Port, Served, in_bytes
from training.given import Answer, BuildSystem, Given, OpenModel, System
from training.masking import mask_image
from training.papers.reference.extractors import FILL, Auxiliary, Extractor
from training.papers.reference.networks import FRAME_PIXELS, LEVELS, Generator
from training.papers.reference.snapshots import names_in, weights_in
from training.seen import enlarged, known_at, pixels_in

ATTRIBUTES = 8
NAMES_PARAMETER = "attributes"  # in config.pbtxt: the names, joined by commas


class ServedExtractor(Served):
    """image UINT8 [B,3,256,256], hole UINT8 [B,1,256,256] in {0,1} -> attributes FP32 [B,8] in [-1,1].

    What lies under the hole is not seen; a reference has none.
    """

    def __init__(self, extractor: Extractor) -> None:
        super().__init__()
        self.extractor = extractor
        self.fill = FILL

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        shown = mask_image(image.float() / 255, hole.float(), self.fill)
        return self.extractor(shown.to(self.dtype)).float()


class ServedGenerator(Served):
    """image UINT8 [B,3,256,256], hole UINT8 [B,1,256,256], attributes FP32 [B,8] -> raw UINT8 [B,3,256,256].

    Attributes are taken within -1..1. The backbone alone obeys none. `pixels`: the side that it paints at; 0 = 256.
    """

    def __init__(self, generator: Generator, attributes: int, pixels: int = 0) -> None:
        super().__init__()
        self.generator = generator
        self.attributes = attributes
        self.pixels = pixels
        self.frame = FRAME_PIXELS

    def encode(self, image: Tensor, hole: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Features and attention maps, which serve any number of attributes."""
        known, missing = known_at(image.float() / 255, hole.float(), self.pixels)
        maps = self.generator.maps(missing.to(self.dtype))
        return self.generator.encode(known.to(self.dtype), missing.to(self.dtype), maps), maps

    def paint(self, encoded: tuple[list[Tensor], list[Tensor]], attributes: Tensor) -> Tensor:
        """What these attributes [B,8] make of it: raw UINT8 [B,3,256,256]."""
        obeyed = attributes.clamp(-1.0, 1.0)[:, : self.attributes].to(self.dtype)
        raw = enlarged(self.generator.decode(encoded[0], encoded[1], obeyed).float(), self.frame)
        return in_bytes(raw)

    def forward(self, image: Tensor, hole: Tensor, attributes: Tensor) -> Tensor:
        """Rows of one picture and hole are encoded once, and each painted as it would be alone."""
        if not (torch.equal(image[1:], image[:-1]) and torch.equal(hole[1:], hole[:-1])):
            return self.paint(self.encode(image, hole), attributes)
        encoded = self.encode(image[:1], hole[:1])
        rows = [self.paint(encoded, attributes[row : row + 1]) for row in range(attributes.shape[0])]
        return torch.cat(rows)


def load_extractor(state: dict[str, Tensor]) -> ServedExtractor:
    """The extractor of a snapshot; its width, attributes and the side it sees pictures at follow from that."""
    first, head = state.get("features.0.weight"), state.get("head.weight")
    sizes = (64, ATTRIBUTES) if first is None or head is None else (first.shape[0], head.shape[0])
    extractor = Extractor(*sizes, pixels=pixels_in(state))
    extractor.load_state_dict(weights_in(state))
    return ServedExtractor(extractor).eval()


def load_generator(state: dict[str, Tensor]) -> ServedGenerator:
    """The generator of a snapshot; its width, number of attributes and the side it paints at follow from that."""
    first, bottleneck = state.get("encoder.0.weight"), state.get("decoder.0.weight")
    width = 64 if first is None else first.shape[0]
    attributes = ATTRIBUTES if bottleneck is None else bottleneck.shape[0] - LEVELS[-1] * width
    generator = Generator(width, attributes)
    generator.load_state_dict(weights_in(state))
    generator.constrain()
    return ServedGenerator(generator, attributes, pixels_in(state)).eval()


def load_judge(state: dict[str, Tensor]) -> Auxiliary:
    """The auxiliary extractor of a snapshot, for measuring: it sees pictures in [0,1]. Raises RuntimeError."""
    first, last = state.get("body.0.weight"), state.get("last.weight")
    if first is None or last is None:
        raise RuntimeError("it has none of an auxiliary extractor's weights")
    judge = Auxiliary(first.shape[0], last.shape[0], pixels_in(state))
    judge.load_state_dict(weights_in(state))
    return judge.eval()


def describe(state: dict[str, Tensor]) -> dict[str, str]:
    """The names of the attributes, if the snapshot says them."""
    names = names_in(state)
    return {NAMES_PARAMETER: ",".join(names)} if names else {}


IMAGE = Port("UINT8", (3, FRAME_PIXELS, FRAME_PIXELS))
HOLE = Port("UINT8", (1, FRAME_PIXELS, FRAME_PIXELS))
VECTOR = Port("FP32", (ATTRIBUTES,))

DEPLOYED: dict[str, Deployed] = {
    "reference_extractor": Deployed(
        part="generator",
        network="extractor",
        load=load_extractor,
        inputs=(IMAGE, HOLE),
        outputs=(VECTOR,),
        output_tolerance=1e-3,
        describe=describe,
        float32=("extractor.head",),
    ),
    "reference_generator": Deployed(
        part="generator",
        load=load_generator,
        inputs=(IMAGE, HOLE, VECTOR),
        outputs=(IMAGE,),
        output_tolerance=1.0,
        describe=describe,
    ),
}


def reference(open_model: OpenModel) -> System:
    """The picture's own attributes, as the extractor sees them in the valid part; then the generator."""
    extractor, generator = open_model("reference_extractor"), open_model("reference_generator")

    def run(given: Given) -> Answer:
        attributes = extractor(given.image, given.hole)
        return Answer(raw=generator(given.image, given.hole, attributes), attributes=attributes)

    return run


def reference_guided(open_model: OpenModel) -> System:
    """The attributes of the reference, another face; then the generator: the ensemble `reference`."""
    extractor, generator = open_model("reference_extractor"), open_model("reference_generator")

    def run(given: Given) -> Answer:
        assert given.reference is not None, "it is guided by a reference"
        attributes = extractor(given.reference, torch.zeros_like(given.hole))
        return Answer(raw=generator(given.image, given.hole, attributes), attributes=attributes)

    return run


SYSTEMS: dict[str, BuildSystem] = {"reference": reference, "reference_guided": reference_guided}
