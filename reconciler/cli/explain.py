"""`reconciler explain`."""

from __future__ import annotations

import click

from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import find_workspace, style
from reconciler.cli.streams import echo_data, echo_json
from reconciler.core.errors import ReconcilerError
from reconciler.project.explain.find import Explanations
from reconciler.project.registries import drivers_in_use
from reconciler.registry import catalog
from reconciler.registry.protocol import Driver
from reconciler.render.topic_json import names_data, topics_data
from reconciler.render.topic_markdown import names_markdown, topics_markdown
from reconciler.render.topic_text import names_text, topics_text


@click.command(
    cls=Command,
    name="explain",
    examples={
        "reconciler explain": "what can be explained",
        "reconciler explain Model.endpoint.tls.ca": "a field: its type, limits, references, and who can hold it",
        "reconciler explain drifted": "a word of an answer: an action, a reason, a rule",
        "reconciler explain 4": "an exit code",
        "reconciler explain nemo/Provider --format markdown": "a kind with all its fields, for a page",
    },
)
@click.argument("name", required=False)
@format_option("text", "json", "markdown")
@click.pass_obj
def command(options: GlobalOptions, name: str | None, output_format: str) -> int:
    """Explain a name: a kind, a field, a rule, an action, a reason, a guard, an exit code, a setting of reconciler.yaml.

    A field is named by its kind and its path, as `Model.endpoint.url`, `litellm/Model.litellm_params` or
    `reconciler.yaml:guards.max_deletes`. A name that means several things is explained in each of its meanings. No
    registry is read, and no project is needed. Without NAME, what can be explained.
    """
    explanations = Explanations(_drivers(options))
    if name is None:
        names = explanations.names()
        if output_format == "json":
            echo_json(names_data(names))
        else:
            echo_data(names_markdown(names) if output_format == "markdown" else names_text(names, style(options)))
        return 0
    topics = explanations.explain(name)
    if output_format == "json":
        echo_json(topics_data(topics))
    else:
        echo_data(topics_markdown(topics) if output_format == "markdown" else topics_text(topics, style(options)))
    return 0


def _drivers(options: GlobalOptions) -> dict[str, Driver]:
    """The built-in drivers, and those of the configuration: where it is broken, what it adds is not known."""
    drivers = catalog.built_in()
    try:
        return drivers | drivers_in_use(find_workspace(options).entries.values())
    except ReconcilerError:
        return drivers
