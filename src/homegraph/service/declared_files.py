"""Text files that homegraph.toml names: read at start, bounded, and with every failure in words that name the file."""

from __future__ import annotations

from pathlib import Path

from homegraph.errors import SettingsError


def declared_text(path: Path, bytes_max: int) -> str:
    """The text of a file.

    Raises:
        SettingsError: it cannot be read, is larger than ``bytes_max`` or no UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max + 1)
        if len(content) > bytes_max:
            raise SettingsError(f"has more than {bytes_max} bytes", place=str(path))
        return content.decode()
    except OSError as exc:
        raise SettingsError(f"cannot be read: {exc.strerror}", place=str(path)) from exc
    except UnicodeDecodeError as exc:
        raise SettingsError("is not UTF-8", place=str(path)) from exc
