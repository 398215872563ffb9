"""homegraph: an open Home Graph with Request Sync at its heart. Not affiliated with Google."""

__version__ = "0.1.0.dev0"
