"""``python -m homegraph`` is the command ``homegraph``."""

from __future__ import annotations

from homegraph.cli import main

if __name__ == "__main__":
    main()
