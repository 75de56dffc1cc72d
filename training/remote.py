"""A running service as a system: the same holes, emptied, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch import Tensor

from training.errors import OptionError, TrainingError
from training.given import Answer, Given

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 120.0  # the service itself gives up after 60
BLENDS = ("none", "feather", "poisson")  # the service's own ways
LARGEST_SEED = 2**31


class RemoteError(TrainingError):
    """A service that cannot be asked, or that refuses; the message says what it said."""


class RemoteService:
    """`POST /inpaint`, face by face. The picture is the face frame; what it holds in the hole is 0."""

    def __init__(self, url: str, model: str, blend: str = "none", key: str | None = None) -> None:
        """Raises OptionError without httpx or for something that is no address, RemoteError if nobody answers."""
        if blend not in BLENDS:
            raise OptionError(f"unknown blend {blend!r} of a service; there are {', '.join(BLENDS)}")
        self.url, self.model, self.blend = url, model, blend
        headers = {} if key is None else {"Authorization": f"Bearer {key.strip()}"}
        self.client = open_client(url, headers)

    def __call__(self, given: Given) -> Answer:
        places = range(len(given.image))
        return Answer(raw=torch.stack([self.complete(given, place) for place in places]).to(given.image.device))

    def complete(self, given: Given, place: int) -> Tensor:
        """The picture that comes back for one face: [3,F,F] uint8. Raises RemoteError."""
        picture, hole = given.image[place], given.hole[place]
        files = {"image": as_png(picture), "mask": as_png(255 * hole)}
        if given.reference is not None and self.model == "reference_guided":
            files["reference"] = as_png(given.reference[place])
        form = {
            "model": "reference" if self.model == "reference_guided" else self.model,
            "align": "none",
            "blend": self.blend,
            "seed": str(service_seed(given.noise_seeds[place])),
        }
        answer = self.ask("POST", "/inpaint", data=form, files=files, headers={"Accept": "image/png"})
        found = from_png(answer.content)
        if found is None or found.shape != picture.shape:
            raise RemoteError(f"{self.url} answered with another picture than the one it was sent")
        return found

    def about(self) -> dict[str, object]:
        """What the service says of the model, without its card."""
        name = "reference" if self.model == "reference_guided" else self.model
        said = self.ask("GET", f"/models/{name}").json()
        return {"service": self.url, "model": self.model, "said": {k: said[k] for k in said if k != "card"}}

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request. RemoteError for what is not a success."""
        import httpx

        try:
            answer = self.client.request(method, path, **request)
        except httpx.HTTPError as error:
            raise RemoteError(f"{self.url} cannot be asked: {error or type(error).__name__}") from error
        if not answer.is_success:
            raise RemoteError(f"{self.url} answered {answer.status_code}: {reason(answer)}")
        return answer


def open_client(url: str, headers: dict[str, str]) -> httpx.Client:
    """Raises OptionError where httpx is not installed, or for what is no address."""
    try:
        import httpx
    except ImportError as error:
        raise OptionError("--service needs the package httpx: pip install httpx") from error
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise OptionError(f"--service {url}: {error}") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise OptionError(f"--service {url}: write an address such as http://127.0.0.1:8000")
    return httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT_SECONDS)


def reason(answer: httpx.Response) -> str:
    """What a refusal says: a problem's code and detail, else its first line."""
    try:
        problem = answer.json()
        return f"{problem['code']}, {problem.get('detail') or problem.get('title')}"
    except (ValueError, KeyError, TypeError):
        return answer.text.strip().partition("\n")[0][:200] or answer.reason_phrase


def service_seed(seeds: tuple[int, ...]) -> int:
    """One number for a face's noise, as the service takes it."""
    return int(np.random.SeedSequence(seeds).generate_state(1)[0]) % LARGEST_SEED


def as_png(picture: Tensor) -> tuple[str, bytes, str]:
    """[3,F,F] RGB or [1,F,F] uint8 as a file of a form."""
    pixels = picture.permute(1, 2, 0).cpu().numpy()
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(pixels[:, :, ::-1]))
    assert done, "bytes in memory are always written"
    return "picture.png", encoded.tobytes(), "image/png"


def from_png(content: bytes) -> Tensor | None:
    """[3,F,F] RGB; None for what is no picture."""
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    return None if pixels is None else torch.from_numpy(np.ascontiguousarray(pixels[:, :, ::-1].transpose(2, 0, 1)))
