"""`python -m studio.cli` is `thaw`."""

from studio.cli import main

if __name__ == "__main__":
    main()
