"""``python -m didan``: the command line."""

from didan.cli import main

if __name__ == "__main__":
    main()
