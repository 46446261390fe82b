"""Files of other tools to native manifests, with their comments. Nobody should have to retype.

`import_files` reads, translates and checks; nothing is written here. Which formats are known is one table, in `formats`.
"""

from __future__ import annotations

from reconciler.manifest.importing.collect import Import, Target, Written, import_files

__all__ = ["Import", "Target", "Written", "import_files"]
