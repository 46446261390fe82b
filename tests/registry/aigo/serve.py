"""The emulator as a program: python tests/registry/aigo/serve.py --port 0 --latency 0.05 --key k"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])  # tests/, as under pytest
    importlib.import_module("registry.aigo.server").main()
