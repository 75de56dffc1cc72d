"""`python -m service.embedded --repository model_repository --port 8001`."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from service.embedded.address import check_address
from service.embedded.refusals import CannotStart
from service.embedded.repository import read_repository
from service.unshipped import unshipped
from service.version import version_line

NO_TORCH = "torch is not installed: pip install 'face-inpainting[service,embedded]', or point ENGINE_URL at a Triton."


def main(
    repository: Annotated[Path, typer.Option(help="Folder with one folder a model.")] = Path("model_repository"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: the system chooses.")] = 8001,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    threads: Annotated[int, typer.Option(min=0, help="Threads of all forwards together; 0: every core.")] = 0,
    concurrent_forwards: Annotated[
        int, typer.Option(min=0, help="Forwards at a time, over all models; 0: one a thread.")
    ] = 0,
    grace_seconds: Annotated[float, typer.Option(min=0, help="How long a stop waits for work under way.")] = 20.0,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Serve a model repository over KServe v2 gRPC. Stops on SIGTERM and SIGINT."""
    if version:
        print(version_line("python -m service.embedded"))
        raise typer.Exit
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)  # until the event loop takes over
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    try:
        models = read_repository(repository)
        if untrained := unshipped(repository):
            logging.warning("no snapshot here, so not served: %s", ", ".join(untrained))
        check_address(host, port)
        from service.embedded import process  # loads torch, which takes a while: only once the rest is sound

        process.run(models, host, port, threads, concurrent_forwards, grace_seconds)
    except CannotStart as error:
        give_up(str(error))
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        give_up(NO_TORCH)


def leave(number: int, frame: Any) -> None:
    """A stop before anything is served."""
    sys.exit(0)


def give_up(reason: str) -> None:
    """One line, exit code 1."""
    print(f"embedded engine: {' '.join(reason.split())}", file=sys.stderr)
    raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
