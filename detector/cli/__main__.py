"""`python -P -m detector.cli`: as the console script, without a stray module of the current folder being picked up."""

from detector.cli import main

if __name__ == "__main__":
    main(prog_name="trimwatch")
