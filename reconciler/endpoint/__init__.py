"""Tests of models where they live: at their endpoints, without any registry.

`subjects` finds what a project's manifests declare, `test_run` tests one model and `many` several; `gate` keeps what failed out of a plan.
One test asks (`asking`, `streaming`, `probing`, `narrowing`, `listing`), in the words of a format (`dialects`), and reads what is answered
(`readings`; a stream is put together by `listening` and `assembling` first).
What an endpoint does wrong is a failed check, never an exception.
"""

from __future__ import annotations
