"""Write what the documentation has from the code, or, with --check, fail where it is not that of the code.

python tools/reference            writes docs/reference/ and the modules in the tree of ARCHITECTURE.md
python tools/reference --check    exits 1 and names each page that is missing, stale or no longer generated
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from architecture import with_modules
from commands import commands_page, exit_codes_page
from kinds import driver_pages, field_rules_page
from left_page import left_page
from python_page import python_page
from schema_pages import configuration_page, manifest_page
from words import guards_page, outcomes_page, reasons_page, rules_page

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "docs" / "reference"


def pages() -> dict[str, str]:
    """Every generated page by its path below docs/reference."""
    return {
        "commands.md": commands_page(),
        "exit-codes.md": exit_codes_page(),
        "manifest.md": manifest_page(),
        "configuration.md": configuration_page(),
        "field-rules.md": field_rules_page(),
        "rules.md": rules_page(),
        "reasons.md": reasons_page(),
        "outcomes.md": outcomes_page(),
        "guards.md": guards_page(),
        "python.md": python_page(),
        "kubernetes.md": left_page(),
        **{f"kinds/{name}.md": text for name, text in driver_pages().items()},
    }


def main() -> int:
    """Returns the exit code: 1 where --check finds a page that is not that of the code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 where a page is not that of the code"
    )
    check: bool = parser.parse_args().check
    wanted = {FOLDER / name: text for name, text in pages().items()}
    drawing = ROOT / "ARCHITECTURE.md"
    wanted[drawing] = with_modules(drawing.read_text(encoding="utf-8"), ROOT / "reconciler")
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    extra = sorted(set(FOLDER.rglob("*.md")) - set(wanted))
    for path in [*stale, *extra]:
        print(path.relative_to(ROOT))
    if check:
        if stale or extra:
            print("the reference is not that of the code: `make reference` writes it", file=sys.stderr)
        return 1 if stale or extra else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    for path in extra:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
