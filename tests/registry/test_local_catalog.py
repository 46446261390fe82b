"""Drivers are found by name: ours in the catalog, others' by entry points of installed packages."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.core.errors import ConfigError
from reconciler.core.secret import Resolver
from reconciler.project.config import Project
from reconciler.project.registries import load_registries
from reconciler.registry import catalog
from reconciler.registry.local import DRIVER


def install(folder: Path, *entry_points: str, package: str = "acme", code: str = "") -> None:
    """Puts a package with entry points into `folder`, as an installer would."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(["[reconciler.registries]", *entry_points]) + "\n")
    (folder / f"{package}_driver.py").write_text(code)


def driver(*members: str) -> str:
    """The code of a driver like `local`, with other members."""
    head = "from dataclasses import replace\nfrom reconciler.registry.local import DRIVER as LOCAL\nKIND = LOCAL.kinds['Model']\n"
    body = ["kinds = dict(LOCAL.kinds)", "settings = LOCAL.settings"]
    body += ["name, location, compile, connect = 'broken', LOCAL.location, LOCAL.compile, LOCAL.connect", *members]
    return head + "class DRIVER:\n" + "".join(f"    {line}\n" for line in body)


def test_built_in_driver_is_loaded_by_name() -> None:
    """`local` is the driver of that name."""
    assert catalog.load_driver("local") is DRIVER
    assert "local" in catalog.names()
    assert list(catalog.names()) == sorted(catalog.names())


def test_every_built_in_driver_bears_its_name() -> None:
    """The catalog's names and the drivers' own are the same."""
    assert [catalog.load_driver(name).name for name in catalog.names()] == list(catalog.names())


def test_unknown_driver_names_the_known_and_the_near_miss() -> None:
    """A misspelt driver is told what was meant."""
    with pytest.raises(ConfigError, match=r"no driver is called 'locall'; did you mean 'local'") as caught:
        catalog.load_driver("locall")
    assert "known drivers: " in str(caught.value.hint)
    assert "local" in str(caught.value.hint)


def test_unknown_driver_far_from_all_suggests_nothing() -> None:
    """A guess that is no help is not made."""
    with pytest.raises(ConfigError, match=r"no driver is called 'zzz'$"):
        catalog.load_driver("zzz")


def test_entry_point_adds_a_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package adds a driver, also as a member of an object."""
    code = "from reconciler.registry.local import DRIVER\nclass Held:\n    driver = DRIVER\n"
    install(tmp_path, "first-party = acme_driver:DRIVER", "held = acme_driver:Held.driver", code=code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme_driver", raising=False)
    assert catalog.load_driver("first-party") is DRIVER
    assert catalog.load_driver("held") is DRIVER


def test_entry_point_is_a_known_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A near miss of an installed driver's name is suggested too."""
    install(tmp_path, "mlflow = acme_driver:DRIVER")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="did you mean 'mlflow'"):
        catalog.load_driver("mflow")


@pytest.mark.parametrize(
    ("code", "point", "message"),
    [
        ("", "broken = acme_missing:DRIVER", "cannot be loaded: No module named 'acme_missing'"),
        ("import acme_absent", "broken = acme_driver:DRIVER", "cannot be loaded: No module named 'acme_absent'"),
        ("def", "broken = acme_driver:DRIVER", "cannot be loaded: invalid syntax"),
        ("", "broken = acme_driver:DRIVER", "cannot be loaded: AttributeError: .*has no attribute 'DRIVER'"),
        ("import os\nos.nothing", "broken = acme_driver:DRIVER", "cannot be loaded: AttributeError: .*'nothing'"),
        ("1 / 0", "broken = acme_driver:DRIVER", "cannot be loaded: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(0)", "broken = acme_driver:DRIVER", "cannot be loaded: SystemExit: 0"),
        ("def __getattr__(name): 1 / 0", "broken = acme_driver:DRIVER", "cannot be loaded: ZeroDivisionError"),
        ("DRIVER = 3", "broken = acme_driver:DRIVER", "is no driver: it has no name, kinds, settings"),
        (driver("compile = 3"), "broken = acme_driver:DRIVER", "is no driver: compile cannot be called"),
        (driver("name = 3"), "broken = acme_driver:DRIVER", "is no driver: its name is no text"),
        (
            driver("def compile(self, model, key): ..."),
            "broken = acme_driver:DRIVER",
            "is no driver: it is a class: offer",
        ),
        (driver("del connect, location"), "broken = acme_driver:DRIVER", "is no driver: it has no location, connect"),
        (driver("kinds = {}"), "broken = acme_driver:DRIVER", "is no driver: none of its kinds is portable"),
        (
            driver("kinds['Model'] = replace(KIND, portable=False, counts_in_guards=False)"),
            "broken = acme_driver:DRIVER",
            "is no driver: none of its kinds is portable or counts as a model",
        ),
        (driver("kinds['Other'] = KIND"), "broken = acme_driver:DRIVER", "is no driver: its kinds are no mapping"),
        (driver("kinds = [KIND]"), "broken = acme_driver:DRIVER", "is no driver: its kinds are no mapping"),
        (driver("settings = dict"), "broken = acme_driver:DRIVER", "is no driver: its settings are no pydantic model"),
    ],
)
def test_broken_plugin_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, point: str, message: str
) -> None:
    """A package that does not work is an error in the configuration that names the entry point, not a crash."""
    install(tmp_path, point, code=code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme_driver", raising=False)
    with pytest.raises(ConfigError, match=message) as caught:
        catalog.load_driver("broken")
    assert f"(reconciler.registries: {point})" in str(caught.value)
    assert "docs/write-a-driver.md" in str(caught.value.hint)


def test_a_driver_needs_no_more_than_the_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is optional is not asked for: no owner, nothing said of renames."""
    install(tmp_path, "least = acme_driver:DRIVER", code=driver())
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme_driver", raising=False)
    found = catalog.load_driver("least")
    assert not hasattr(found, "renames")
    project = Project(tmp_path, None, None, None, (), {}, None, {"one": {"driver": "least"}}, 5, 20)
    assert load_registries(project, Resolver(project.root))["one"].facts.owner is None


def test_two_packages_with_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of two drivers is meant is never left to the order of installation."""
    install(tmp_path, "twice = acme_driver:DRIVER")
    install(tmp_path, "twice = other_driver:DRIVER", package="other")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=r"several installed packages.*acme_driver:DRIVER, other_driver:DRIVER"):
        catalog.load_driver("twice")


def test_built_in_wins_over_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No installed package can take the place of a driver of ours."""
    install(tmp_path, "local = acme_missing:DRIVER")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert catalog.load_driver("local") is DRIVER


def test_built_in_driver_needs_no_look_at_installed_packages() -> None:
    """Start-up stays cheap: the catalog alone imports no driver."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; import reconciler.registry.catalog;"
        "print('reconciler.registry.local' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_driver_needs_one_kind_that_a_model_becomes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is portable is enough, and so is one that counts as a model; the portable one comes first."""
    kinds = "kinds['Early'] = replace(KIND, name='Early', portable=False); kinds = dict(reversed(kinds.items()))"
    portable = "kinds['Model'] = replace(KIND, counts_in_guards=False)"
    install(tmp_path, "broken = acme_driver:DRIVER", code=driver(kinds, portable))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme_driver", raising=False)
    project = Project(tmp_path, None, None, "us", (), {}, None, {"one": {"driver": "broken"}})
    assert list(catalog.load_driver("broken").kinds) == ["Early", "Model"]
    assert load_registries(project, Resolver(project.root))["one"].portable.name == "Model"
    install(
        tmp_path,
        "other = other_driver:DRIVER",
        package="other",
        code=driver("kinds = {'Model': replace(KIND, portable=False)}"),
    )
    monkeypatch.delitem(sys.modules, "other_driver", raising=False)
    only = replace(project, registries={"one": {"driver": "other"}})
    assert load_registries(only, Resolver(only.root))["one"].portable.name == "Model"


def test_our_own_bugs_are_told_as_bugs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong in a driver of ours is nobody's configuration."""
    monkeypatch.setattr(catalog, "DRIVERS", {"local": "reconciler.registry.local:NOTHING"})
    with pytest.raises(AttributeError):
        catalog.load_driver("local")
