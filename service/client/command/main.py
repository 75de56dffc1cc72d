"""The arguments of the command `inpaint`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from service.client.command.api_key import key_from
from service.client.command.guidance import read_attributes
from service.client.command.outcomes import EXIT_CODES, USAGE
from service.client.command.run import run
from service.client.command.usage import BadUsage, Files, Format, Service
from service.client.connection import DEFAULT_URL
from service.client.forms import FillOptions
from service.version import version_line

CODES = "\n".join(f"{code:>4}  {meaning}" for code, meaning in EXIT_CODES.items())
EPILOG = f"\b\nExit codes:\n{CODES}"


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version_line("inpaint"))
        raise typer.Exit


app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    epilog=EPILOG,
    context_settings={"allow_extra_args": True, "help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
)
def inpaint(
    context: typer.Context,
    photo: Annotated[
        str,
        typer.Argument(
            metavar="PHOTO", help="A picture, a folder, a quoted pattern such as 'in/*.jpg', or - for standard input."
        ),
    ],
    mask: Annotated[
        str, typer.Argument(metavar="MASK", help="The same for masks, white = fill. One file serves every photo.")
    ],
    out: Annotated[
        str,
        typer.Option(
            "-o",
            "--out",
            metavar="OUT",
            help="File to write; for several photos, or with / at its end, a folder; - is standard output.",
        ),
    ],
    model: Annotated[str | None, typer.Option(metavar="NAME", help="A model of the service's GET /models.")] = None,
    landmarks: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.json",
            help="68 points [x, y] of a face or of each, or an answer of POST /landmarks; or a folder.",
        ),
    ] = None,
    faces: Annotated[
        str | None,
        typer.Option(metavar="FILE.json", help="Boxes [x0, y0, x1, y1] where the faces are; or a folder of such."),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A picture that guides, or a folder."),
    ] = None,
    attributes: Annotated[
        str | None,
        typer.Option(metavar="A", help="name=value,name=value from -1 to 1, or JSON."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**31 - 1, help="Makes random results repeatable.")] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, max=8, help="Results per photo; their files are numbered.")
    ] = None,
    align: Annotated[Literal["auto", "none"] | None, typer.Option(help="none: the photo is the aligned face.")] = None,
    blend: Annotated[
        Literal["feather", "poisson", "none"] | None,
        typer.Option(help="How the filling is joined to its surroundings."),
    ] = None,
    mask_mode: Annotated[
        Literal["luminance", "alpha"] | None, typer.Option(help="alpha: the transparent part is missing.")
    ] = None,
    mask_invert: Annotated[bool, typer.Option("--mask-invert", help="Black is to be filled.")] = False,
    mask_dilate: Annotated[int | None, typer.Option(min=0, metavar="PIXELS", help="Grow the hole.")] = None,
    picture_format: Annotated[
        Format | None, typer.Option("--format", help="Otherwise as --out ends; png in a folder and for -.")
    ] = None,
    quality: Annotated[int | None, typer.Option(min=1, max=100, help="For jpeg and webp.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
    as_jobs: Annotated[bool, typer.Option("--async", help="Queue jobs at the service and wait for them.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Photos under way at once.")] = 4,
    url: Annotated[
        str, typer.Option(envvar="INPAINT_URL", metavar="URL", help="Address of the service.")
    ] = DEFAULT_URL,
    key: Annotated[
        str | None, typer.Option(envvar="INPAINT_KEY", metavar="KEY", help="API key; other users may see arguments.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(envvar="INPAINT_KEY_FILE", metavar="FILE", help="File that holds the API key.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary; only failures.")] = False,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version and end.")
    ] = False,
) -> None:
    """Fill the masked part of photographs through a face inpainting service.

    Photos, masks and what guides them belong together by name: a.jpg, a.png or a_mask.png, a.json. A file that exists
    is not overwritten, and a photo that fails does not stop the others.
    """
    options: dict[str, object] = {
        "model": model,
        "seed": seed,
        "samples": samples,
        "align": align,
        "blend": blend,
        "mask_mode": mask_mode,
        "mask_invert": mask_invert or None,
        "mask_dilate": mask_dilate,
        "quality": quality,
    }
    try:
        _refuse_more(context.args)
        options["attributes"] = None if attributes is None else read_attributes(attributes)
        given = cast(FillOptions, {name: value for name, value in options.items() if value is not None})
        files = Files(photo, mask, out, landmarks, faces, reference, picture_format, force)
        service = Service(url, key_from(key, key_file), concurrency, as_jobs)
        code = run(files, given, service, quiet=quiet)
    except BadUsage as error:
        typer.echo(f"inpaint: {error}", err=True)
        code = USAGE
    raise typer.Exit(code)


def _refuse_more(arguments: list[str]) -> None:
    """A pattern without quotes arrives as the many names that the shell made of it."""
    if arguments:
        raise BadUsage(
            f"{arguments[0]} is one argument too many. Quote a pattern, so that it comes as one: 'photos/*.jpg'."
        )


def main() -> None:
    """The console script."""
    app()
