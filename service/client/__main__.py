"""`python -m service.client`: the command `inpaint`."""

from service.client.command.main import main

if __name__ == "__main__":
    main()
