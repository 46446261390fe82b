from __future__ import annotations

from cli.project import project

__all__ = ["project"]
