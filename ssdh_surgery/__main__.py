"""`python -m ssdh_surgery`: the same as the `ssdh` command."""

from ssdh_surgery.cli import main

if __name__ == "__main__":
    main()
