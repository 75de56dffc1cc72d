"""The second look: a network that sees each place that the maps name, upright and near, and says if a face is there.

Detection in two stages, as R-CNN (Girshick et al. 2014) and its cascades (Cai and Vasconcelos 2018). Its layers are
SqueezeNet 1.1's (Iandola et al. 2016), so that it can begin with what that has learned of ImageNet: the pictures
without a face that a training brings are few.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.frozen.features import FeatureFileError, load_features, squeezenet1_1
from training.layers.denormals import sigmoid
from training.papers.finder.finding import (
    MOST_FACES,
    NUMBERS,
    SAME_FACE,
    Peaks,
    first_of_its_face,
    upright_to_frame,
)
from training.papers.finder.networks import POINTS, SIDE_MULTIPLE, Finder
from training.papers.finder.windows import CHANNELS, SIZES_SEEN, WINDOW_PIXELS, Pyramid, Windows, halved

MOST_PLACES = 24  # of a picture that are looked at again, the likeliest
LEAST_PLACE_SCORE = 0.1  # of the maps; no score is above its root
LEAST_SCORE = 0.2  # of a face; what can only score less is not looked at twice
SMALLEST_PIXELS = 4.0  # size of a face that the second look may say
INSIDE = round(WINDOW_PIXELS * (1 - 1 / SIZES_SEEN) / 2)  # of a window, where the face itself begins
GUESSED = 0.5  # of which less is known, a face is guessed from its surroundings
SIDES_LEFT = 5  # of the last maps for a window of 96 px
MIDDLE = torch.tensor([-0.25, -0.2, 0.25, -0.2, 0, 0.1, -0.2, 0.25, 0.2, 0.25])  # an upright face's points, in sizes


class Verifier(nn.Module):
    """windows [n,4,96,96] -> [n,11]: a logit, and five points from the window's centre, in the place's sizes."""

    def __init__(self, narrow: int = 48, hidden: int = 128) -> None:
        super().__init__()
        self.features, _ = squeezenet1_1(CHANNELS)
        self.narrow = nn.Conv2d(512, narrow, 1)
        self.hidden = nn.Linear(narrow * SIDES_LEFT**2, hidden)
        self.last = nn.Linear(hidden, 1 + 2 * POINTS)
        for layer in (*self.features.modules(), self.narrow):
            if (
                isinstance(layer, nn.Conv2d) and layer.bias is not None
            ):  # there is no norm: torch's own first weights let the picture fade
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                layer.bias.data.zero_()
        with torch.no_grad():
            self.last.weight.mul_(0.1)
            self.last.bias.copy_(torch.cat((torch.zeros(1), MIDDLE)))

    def forward(self, windows: Tensor) -> Tensor:
        maps = F.relu(self.narrow(F.relu(self.features(windows))))
        said: Tensor = self.last(F.relu(self.hidden(maps.flatten(1)))).float()
        return said

    @torch.no_grad()
    def begin_with(self, path: Path) -> None:
        """Take ImageNet's weights; the channel of what is known begins at 0. FeatureFileError if it has others."""
        loaded = load_features(path)
        if loaded.network != "squeezenet1_1":
            raise FeatureFileError(f"{path} is {loaded.network}: the finder's second look begins with squeezenet1_1")
        state = loaded.features.state_dict()
        first = next(iter(state))
        state[first] = F.pad(state[first], (0, 0, 0, 0, 0, CHANNELS - state[first].shape[1]))
        self.features.load_state_dict(state)


class VerifiedFinder(nn.Module):
    """image RGB [B,3,H,W] in [0,1], hole [B,1,H,W] -> faces [B,64,16] as `Peaks` lists them, best first.

    The maps see the picture at its size and at half of it: of a large face whose middle is erased the surroundings lie
    nearer together then. Every picture is looked at by itself, up to where its hole reaches on to the right and the
    lower border: the others of a batch change nothing.
    """

    def __init__(self, finder: Finder, verifier: Verifier) -> None:
        super().__init__()
        self.finder, self.verifier = finder, verifier
        self.peaks, self.windows, self.pyramid = Peaks(), Windows(), Pyramid()
        # TorchScript knows no constants of a module's file.
        self.multiple, self.most_places, self.least_place_score = SIDE_MULTIPLE, MOST_PLACES, LEAST_PLACE_SCORE
        self.most, self.numbers, self.least_score, self.same_face = MOST_FACES, NUMBERS, LEAST_SCORE, SAME_FACE
        self.smallest, self.inside, self.guessed = SMALLEST_PIXELS, INSIDE, GUESSED

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        faces: list[Tensor] = []
        for one in range(image.shape[0]):
            faces.append(self.faces_of(image[one : one + 1], hole[one : one + 1]))
        return torch.stack(faces)

    def faces_of(self, image: Tensor, hole: Tensor) -> Tensor:
        """The faces of one picture, [1,3,H,W] and [1,1,H,W] -> [64,16]."""
        known = hole[0, 0] < 1
        rows, columns = known.any(dim=1).nonzero(), known.any(dim=0).nonzero()
        if rows.shape[0] == 0:
            return torch.zeros(self.most, self.numbers, device=image.device)
        height, width = self.side(int(rows.max()) + 1), self.side(int(columns.max()) + 1)
        image, hole = image[:, :, :height, :width], hole[:, :, :height, :width]
        return self.verified(image, hole, self.likely(image, hole)[0])

    def side(self, pixels: int) -> int:
        """The next side that the maps can be made of."""
        return -(-pixels // self.multiple) * self.multiple

    def likely(self, image: Tensor, hole: Tensor) -> Tensor:
        """Where the maps see a face: [B,24,16], best first, in pixels of the picture."""
        half, hole_at_half = halved(image), (halved(hole) > 0).to(hole.dtype)
        rows, columns = (-half.shape[2]) % self.multiple, (-half.shape[3]) % self.multiple
        half, hole_at_half = F.pad(half, (0, columns, 0, rows)), F.pad(hole_at_half, (0, columns, 0, rows), value=1.0)
        near, far = self.seen(image, hole), self.seen(half, hole_at_half)
        centre, points = (far[..., 1:3] + 0.5) * 2 - 0.5, (far[..., 6:] + 0.5) * 2 - 0.5
        far = torch.cat((far[..., :1], centre, far[..., 3:4] * 2, far[..., 4:6], points), dim=-1)
        both = torch.cat((near, far), dim=1)
        order = both[..., 0].argsort(dim=1, descending=True, stable=True)[:, : self.most_places]
        return both.gather(1, order[..., None].expand(-1, -1, self.numbers))

    def seen(self, image: Tensor, hole: Tensor) -> Tensor:
        dtype = self.verifier.last.weight.dtype
        faces: Tensor = self.peaks(self.finder(image.to(dtype), hole.to(dtype)))
        return faces

    def verified(self, image: Tensor, hole: Tensor, likely: Tensor) -> Tensor:
        """The faces of one picture, [64,16], from its places [K,16]: looked at, moved, and looked at once more.

        A score is the mean of both looks (geometric) times the root of what the maps said.
        """
        likely = likely[likely[:, 0] >= self.least_place_score]
        places, mapped = likely[:, 1:6], likely[:, 6:]
        if places.shape[0] == 0:
            return torch.zeros(self.most, self.numbers, device=likely.device)
        levels = self.pyramid(image, hole)
        first, points, known = self.look(levels, places)
        possible = (first * likely[:, 0]).sqrt() >= self.least_score  # no second look makes more of it
        if not bool(possible.any()):
            return torch.zeros(self.most, self.numbers, device=likely.device)
        likely, places, mapped = likely[possible], places[possible], mapped[possible]
        first, points, known = first[possible], points[possible], known[possible]
        second, points, _ = self.look(levels, places_of(points, self.smallest))
        points = joined(places, mapped, points, known, self.smallest)
        places = places_of(points, self.smallest)
        score = (first * second * likely[:, 0]).sqrt()
        order = score.argsort(descending=True, stable=True)
        faces = torch.cat((score[:, None], places, points), dim=1)[order]
        kept = first_of_its_face(faces[None, :, 1:3], faces[None, :, 3], self.same_face)[0]
        score = faces[:, 0] * kept
        score = score * (score >= self.least_score)
        faces = torch.cat((score[:, None], faces[:, 1:]), dim=1) * (score > 0)[:, None]
        faces = faces[score.argsort(descending=True, stable=True)]
        return F.pad(faces, (0, 0, 0, self.most - faces.shape[0]))

    def look(self, levels: list[Tensor], places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Chance of a face [n], its points [n,10], and the share of it that is known [n], at places [n,5].

        A face that can hardly be seen is also looked at in the mirror: one where none is would be painted.
        """
        windows = self.windows(levels, places)
        seen = windows.to(self.verifier.last.weight.dtype)
        said = self.verifier(seen)
        known = windows[:, -1, self.inside : -self.inside, self.inside : -self.inside].mean(dim=(1, 2))
        face, guessed = said[:, 0], (known < self.guessed).nonzero()[:, 0]
        if guessed.shape[0] > 0:
            mirrored = self.verifier(seen[guessed].flip(3))[:, 0]
            face = face.index_copy(0, guessed, (face[guessed] + mirrored) / 2)
        return sigmoid(face), points_at(said[:, 1:], places), known

    def train(self, mode: bool = True) -> VerifiedFinder:
        """The maps stay as they are: what they say is where the second look begins."""
        super().train(mode)
        self.finder.eval()
        return self


def points_at(shape: Tensor, places: Tensor) -> Tensor:
    """Points of the upright face, in sizes, of places in the picture: [n,10], [n,5] -> [n,10] (x, y) in pixels."""
    return upright_to_frame(shape * places[:, 2:3], places[:, 3:5], places[:, :2])


def joined(places: Tensor, mapped: Tensor, looked: Tensor, known: Tensor, smallest: float) -> Tensor:
    """The mean of the maps' points and the second look's, which errs less than either; where they disagree the latter.

    Its size goes by the maps alone where less than half of the face is known: seen near, there is little to tell it by.
    Places [n,5] are the maps' too. [n,10], [n,10], [n] -> [n,10].
    """
    others = places_of(looked, smallest)
    mean = (mapped + looked) / 2
    middle = places_of(mean, smallest)
    trust = (1.5 - known).clamp(min=0.5, max=1.0)
    size = places[:, 2] ** trust * others[:, 2] ** (1 - trust)
    centre = middle[:, :2].repeat(1, mean.shape[1] // 2)
    sized = centre + (mean - centre) * (size / middle[:, 2])[:, None]
    return torch.where(alike(places, others, known)[:, None], sized, looked)


def alike(places: Tensor, others: Tensor, known: Tensor) -> Tensor:
    """Whether two say nearly the same: centres within 0.3 sizes, sizes within 1.35, rolls within 37 degrees.

    Of a face of which nothing is known sizes may differ by a factor of 2: near, they are a guess. [n,5], [n,5], [n].
    """
    near = torch.linalg.vector_norm(places[:, :2] - others[:, :2], dim=1) < 0.3 * others[:, 2]
    sizes = torch.log(places[:, 2].clamp(min=1e-3) / others[:, 2]).abs() < 0.3 + 0.4 * (1 - known)
    return near & sizes & ((places[:, 3:] * others[:, 3:]).sum(dim=1) > 0.8)


def places_of(points: Tensor, smallest: float) -> Tensor:
    """Centre, size and roll of five points, as `points.py` says them: [n,10] -> [n,5]."""
    eye, other, mouth, corner = points[:, 0:2], points[:, 2:4], points[:, 6:8], points[:, 8:10]
    across, down = other - eye, (mouth + corner - eye - other) / 2
    size = torch.maximum(2.0 * torch.linalg.vector_norm(across, dim=1), 1.8 * torch.linalg.vector_norm(down, dim=1))
    x = across + torch.stack((down[:, 1], -down[:, 0]), dim=1)
    x = x / (torch.linalg.vector_norm(x, dim=1)[:, None] + 1e-6)
    centre = (eye + other + mouth + corner) / 4
    return torch.cat((centre, size.clamp(min=smallest)[:, None], x[:, 1:2], x[:, 0:1]), dim=1)
