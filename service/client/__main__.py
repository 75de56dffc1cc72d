"""`python -m service.client`: the command `inpaint`."""

from __future__ import annotations

import sys

OF_THE_COMMAND = ("typer", "rich")


def main() -> None:
    """Run the command, or say in one line what it lacks: the client alone is installed without its packages."""
    try:
        from service.client.command.main import main as command
    except ModuleNotFoundError as error:
        if error.name not in OF_THE_COMMAND:
            raise
        sys.exit(f"inpaint: {error.name} is not installed: pip install 'face-inpainting[command]'")
    command()


if __name__ == "__main__":
    main()
