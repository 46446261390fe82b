"""`reconciler export --format crd`: the project as objects of Kubernetes."""

from __future__ import annotations

from pathlib import Path

from reconciler.cli.files import check_writable, write_text
from reconciler.cli.options import GlobalOptions
from reconciler.cli.session import find_workspace
from reconciler.cli.streams import echo_data, say
from reconciler.core import presence
from reconciler.core.document.dump import dump_object
from reconciler.core.errors import InputError
from reconciler.project.answer_files import check_export_file
from reconciler.project.kubernetes_objects import ObjectFile, ProjectObjects, objects_of
from reconciler.render.escape import printable

_MOST_LISTED = 5


def export_objects(options: GlobalOptions, target: str | None, *, force: bool) -> None:
    """Writes the objects to stdout, or each to its file below the folder `target`. Reads no registry."""
    workspace = find_workspace(options)
    made = objects_of(workspace, workspace.load())
    if target is None:
        echo_data("---\n".join(map(_text, made.files)).rstrip("\n"), exact=True)
    else:
        files = {Path(target) / one.path: one for one in made.files}
        for path in files:
            check_export_file(path, workspace)
            check_writable(path)
        there = [str(path) for path in files if presence.is_there(path)]
        if there and not force:
            more = " and more" if len(there) > _MOST_LISTED else ""
            raise InputError(f"{', '.join(there[:_MOST_LISTED])}{more}: there already", hint="--force overwrites")
        for path, one in files.items():
            write_text(path, _text(one))
            echo_data(printable(path.as_posix()))
        say(f"{len(files)} object{'' if len(files) == 1 else 's'} written")
    _say_what_is_missing(made)


def _text(one: ObjectFile) -> str:
    needed = sorted(f"{named.name}, key {named.key}" for named in one.named if named.kind == "secret")
    header = "\n".join(f"# needs the Secret {printable(name)}" for name in needed)
    return dump_object(one.manifest, header=header)


def _say_what_is_missing(made: ProjectObjects) -> None:
    """The Secrets that must exist in the namespace, and what of reconciler.yaml no object holds."""
    for name, keys in made.secrets.items():
        say(f"the namespace needs the Secret {printable(name)}:")
        for key, meaning in keys.items():
            say(f"  {printable(key)}: {printable(meaning)}")
    for what in made.not_said:
        say(f"not in the objects: {what}")
