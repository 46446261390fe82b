"""The globs of `exclude`: what each means."""

from __future__ import annotations

import pytest

from reconciler.manifest.exclude import Excludes, Exclusion

GLOBS = {
    "values.yaml": (["values.yaml", "a/b/values.yaml", "values.yaml/x"], ["xvalues.yaml", "values.yml"]),
    "**/values.yaml": (["values.yaml", "a/b/values.yaml"], ["a/xvalues.yaml"]),
    "charts": (["charts", "charts/a.yaml", "x/charts/a/b.yaml"], ["chartsx", "x/chart"]),
    "charts/": (["charts/a.yaml", "x/charts/a.yaml"], ["chartsx"]),
    "/charts": (["charts/a.yaml"], ["x/charts/a.yaml"]),
    "./charts/*": (["charts/a.yaml", "charts/x/y.yaml"], ["charts", "x/charts/a.yaml"]),
    "charts/**": (["charts/a.yaml", "charts/x/y.yaml"], ["charts", "x/charts/a.yaml"]),
    "a/*.yaml": (["a/x.yaml", "a/.x.yaml"], ["a/b/x.yaml", "x.yaml"]),
    "a/**/x.yaml": (["a/x.yaml", "a/b/c/x.yaml"], ["ax.yaml", "a/bx.yaml"]),
    "[!a-c]?.yaml": (["xb.yaml", "d/xb.yaml"], ["ab.yaml", "x.yaml", "x/.yaml"]),
    "[]x].yaml": (["].yaml", "x.yaml"], ["y.yaml"]),
    "[ab": (["[ab"], ["a", "b"]),
    "a+b(c).yaml": (["a+b(c).yaml"], ["aab(c).yaml"]),
    "a\nb": (["a\nb", "x\n/a\nb"], ["a\nb\n"]),
}


@pytest.mark.parametrize("glob", GLOBS)
def test_what_a_glob_matches(glob: str) -> None:
    """As in .gitignore: a plain name in any folder, a path from its own folder, and all that is in a folder."""
    matching, other = GLOBS[glob]
    one = Exclusion(glob, "/project/manifests", "/exclude/0")
    assert [path for path in (*matching, *other) if one.matches(f"/project/manifests/{path}")] == matching
    assert not any(one.matches(f"/project/{path}") for path in matching)


def test_the_globs_that_match_nothing_are_known() -> None:
    """Each glob is held against everything, so that one does not hide another."""
    a, b, c = (Exclusion(glob, "/p", "") for glob in ("a", "*", "c"))
    excludes = Excludes((a, b, c))
    assert (excludes.match("/p/a"), excludes.match("/q/a")) == (True, False)
    assert excludes.matched == {a, b}
    assert not Excludes()
