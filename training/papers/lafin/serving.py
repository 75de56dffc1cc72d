"""What is deployed of LaFIn: bytes in, bytes or pixels out, normalisation inside. And the systems that run it."""

from __future__ import annotations

from torch import Tensor

from training.data.landmarks import COUNT, OF_98
from training.deployed import Deployed, Port, Served, in_bytes
from training.given import Answer, BuildSystem, Given, OpenModel, System
from training.masking import landmark_map, mask_image
from training.papers.lafin.networks import FIRST, FRAME_PIXELS, Generator, Predictor


class ServedPredictor(Served):
    """image UINT8 [B,3,256,256], hole UINT8 [B,1,256,256] in {0,1} -> landmarks FP32 [B,68,2].

    (x, y) in pixels of the face frame, clamped to [0, 255]. Hole pixels are painted white here. Of a predictor of 98
    points the 68 are served; `every_point` gives all of them.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.predictor = predictor
        self.largest = float(FRAME_PIXELS - 1)
        self.all_served = predictor.landmarks == COUNT
        self.served = list(OF_98)

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        points = self.every_point(image, hole)
        return points if self.all_served else points[:, self.served]

    def every_point(self, image: Tensor, hole: Tensor) -> Tensor:
        """Landmarks [B,N,2], as many as the network has."""
        masked = mask_image(image.float() / 255, hole.float())
        return self.predictor(masked.to(self.dtype)).clamp(0.0, self.largest)


class ServedGenerator(Served):
    """image UINT8 [B,3,256,256], hole UINT8 [B,1,256,256], landmarks FP32 [B,68,2] -> raw UINT8 [B,3,256,256].

    Given landmarks outside the frame stand on its border, as the predictor's do.
    """

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator
        self.largest = float(FRAME_PIXELS - 1)

    def forward(self, image: Tensor, hole: Tensor, landmarks: Tensor) -> Tensor:
        missing = hole.float()
        masked = mask_image(image.float() / 255, missing)
        dots = landmark_map(landmarks.clamp(0.0, self.largest), image.shape[2], image.shape[3])
        raw = self.generator(masked.to(self.dtype), dots.to(self.dtype), missing.to(self.dtype))
        return in_bytes(raw)


def load_predictor(state: dict[str, Tensor]) -> ServedPredictor:
    """The predictor of a snapshot: points and width follow from the weights. RuntimeError names keys that misfit."""
    head, first = state.get("head.bias"), state.get("features.0.0.weight")
    width = 1.0 if first is None else len(first) / FIRST
    predictor = Predictor(COUNT if head is None else len(head) // 2, width)
    predictor.load_state_dict(state)
    return ServedPredictor(predictor).eval()


def load_generator(state: dict[str, Tensor]) -> ServedGenerator:
    """The generator of a snapshot; its width and whether it has attention follow from the weights."""
    first = state.get("encoder1.1.weight")
    width = 64 if first is None else first.shape[0]
    attention = any(key.startswith("attention.") for key in state) or first is None
    generator = Generator(width, attention=attention, spectral=False)
    generator.load_state_dict(state)
    return ServedGenerator(generator).eval()


IMAGE = Port("UINT8", (3, FRAME_PIXELS, FRAME_PIXELS))
HOLE = Port("UINT8", (1, FRAME_PIXELS, FRAME_PIXELS))
LANDMARKS = Port("FP32", (68, 2))

DEPLOYED: dict[str, Deployed] = {
    "lafin_predictor": Deployed(
        part="predictor",
        load=load_predictor,
        inputs=(IMAGE, HOLE),
        outputs=(LANDMARKS,),
        output_tolerance=0.01,
        float32=("predictor.head",),  # bfloat16 knows whole pixels only from 128 px on
    ),
    "lafin_generator": Deployed(
        part="generator", load=load_generator, inputs=(IMAGE, HOLE, LANDMARKS), outputs=(IMAGE,), output_tolerance=1.0
    ),
}


def lafin(open_model: OpenModel) -> System:
    """Predictor, then generator with the predicted landmarks: the ensemble `lafin`."""
    predictor, generator = open_model("lafin_predictor"), open_model("lafin_generator")

    def run(given: Given) -> Answer:
        predicted = predictor(given.image, given.hole)
        return Answer(raw=generator(given.image, given.hole, predicted), landmarks=predicted)

    return run


def lafin_generator(open_model: OpenModel) -> System:
    """The generator with the true landmarks."""
    generator = open_model("lafin_generator")
    return lambda given: Answer(raw=generator(given.image, given.hole, given.landmarks))


def lafin_predictor(open_model: OpenModel) -> System:
    """The landmark predictor alone, with all its points; an export has the 68."""
    predictor = open_model("lafin_predictor")
    read = predictor.every_point if isinstance(predictor, ServedPredictor) else predictor
    return lambda given: Answer(landmarks=read(given.image, given.hole))


SYSTEMS: dict[str, BuildSystem] = {
    "lafin": lafin,
    "lafin_generator": lafin_generator,
    "lafin_predictor": lafin_predictor,
}
