"""Every call to the service: what is sent, and what the answer is read as. Both clients inherit them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import quote

from service.client import jobs
from service.client.answers import InpaintAnswer, ParsingAnswer, body_of
from service.client.bodies import AttributesBody, LandmarksBody, LimitsBody, ModelBody, ModelsBody, ModelWithCardBody
from service.client.endpoints import endpoint, job_endpoint
from service.client.flows import Call, Flow, exchange
from service.client.forms import AS_JSON, FillOptions, JobOptions, MaskOptions, ParsingOptions
from service.client.jobs import JobStatus
from service.client.retries import Retries

if TYPE_CHECKING:
    from service.client.pictures import Picture


class Calls:
    """The calls as flows; a transport beside this class runs them."""

    retries: Retries

    def job_from(self, status: JobStatus) -> Any:
        """The client's own kind of job."""
        raise AssertionError("every client has its own")

    @endpoint
    def inpaint(
        self, image: Picture, mask: Picture, *, idempotency_key: str | None = None, **form: Unpack[FillOptions]
    ) -> Flow[InpaintAnswer]:
        """The picture with the masked part filled.

        Sending it again is harmless. Only with an idempotency key does the service keep the answer, for some minutes.
        """
        headers = {**AS_JSON, **({"Idempotency-Key": idempotency_key} if idempotency_key else {})}
        call = Call("POST", "/inpaint", form={"image": image, "mask": mask, **form}, headers=headers)
        return exchange(call, lambda response: body_of(response, InpaintAnswer), self.retries)

    @endpoint
    def landmarks(
        self, image: Picture, mask: Picture | None = None, **form: Unpack[MaskOptions]
    ) -> Flow[LandmarksBody]:
        """The faces of a picture and their landmarks; with a mask, also those under it."""
        call = Call("POST", "/landmarks", form={"image": image, "mask": mask, **form})
        return exchange(call, lambda response: body_of(response, LandmarksBody), self.retries)

    @endpoint
    def attributes(
        self, image: Picture, mask: Picture | None = None, **form: Unpack[MaskOptions]
    ) -> Flow[AttributesBody]:
        """The faces of a picture and their attributes; with a mask, those of what is visible."""
        call = Call("POST", "/attributes", form={"image": image, "mask": mask, **form})
        return exchange(call, lambda response: body_of(response, AttributesBody), self.retries)

    @endpoint
    def parsing(
        self, image: Picture, mask: Picture | None = None, **form: Unpack[ParsingOptions]
    ) -> Flow[ParsingAnswer]:
        """Which part of a face each pixel is; a mask says where the picture cannot be trusted."""
        call = Call("POST", "/parsing", form={"image": image, "mask": mask, **form}, headers=AS_JSON)
        return exchange(call, lambda response: body_of(response, ParsingAnswer), self.retries)

    @endpoint
    def models(self) -> Flow[list[ModelBody]]:
        """What `model` may be, and what each takes."""
        return exchange(Call("GET", "/models"), lambda response: body_of(response, ModelsBody).models, self.retries)

    @endpoint
    def model(self, name: str) -> Flow[ModelWithCardBody]:
        """One model, with its card."""
        call = Call("GET", f"/models/{quote(name, safe='')}")
        return exchange(call, lambda response: body_of(response, ModelWithCardBody), self.retries)

    @endpoint
    def limits(self) -> Flow[LimitsBody]:
        """How large and how many requests may be."""
        return exchange(Call("GET", "/limits"), lambda response: body_of(response, LimitsBody), self.retries)

    @job_endpoint
    def submit(
        self, image: Picture, mask: Picture, *, idempotency_key: str | None = None, **form: Unpack[JobOptions]
    ) -> Flow[Any]:
        """A job that fills the masked part. Leaving it as a context cancels it, unless its end was waited for."""
        flow = jobs.submit({"image": image, "mask": mask, **form}, idempotency_key, self.retries)
        return self.job_from((yield from flow))

    @job_endpoint
    def submit_batch(
        self,
        pairs: Sequence[tuple[Picture, Picture]],
        *,
        idempotency_key: str | None = None,
        **form: Unpack[JobOptions],
    ) -> Flow[Any]:
        """One job for many (image, mask) pairs; its `results` give what became of each."""
        images, masks = tuple(image for image, _ in pairs), tuple(mask for _, mask in pairs)
        flow = jobs.submit({"image": images, "mask": masks, **form}, idempotency_key, self.retries)
        return self.job_from((yield from flow))

    @job_endpoint
    def job(self, job_id: str) -> Flow[Any]:
        """A job that was submitted before, perhaps by another program with the same key."""
        return self.job_from((yield from jobs.status(job_id, self.retries)))

    @endpoint
    def jobs(self, most: int = 100) -> Flow[list[JobStatus]]:
        """The jobs of this key, the newest first, `most` at most."""
        return jobs.listed(most, self.retries)
