"""Every rule that a problem may name: the stable word, what it means and what to do. The one table that docs, SARIF and tests read.

A word, once published, keeps its meaning: CI configurations and code-scanning alerts refer to it. `rule` of a `Problem` is one of
these words, or a guard's name where a value with consequences is announced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

DOCUMENTATION: Final = "https://model-reconciler.github.io/reconciler/"  # `Documentation` of project.urls

# The rule of what a validator refuses with a type that the table does not know, as a driver of another package may.
BAD_VALUE: Final = "bad-value"


class ProblemRule(NamedTuple):
    """What a rule means, in one sentence, and what to do about a problem of this rule."""

    meaning: str
    remedy: str


# Reading files and their text.
_FILES: Final = {
    "no-such-path": ProblemRule(
        "A path on the command line or in `manifests` matches no file.", "Correct the path, or create the file."
    ),
    "no-manifests": ProblemRule(
        "No file among those asked for holds a manifest.", "Name the folder that holds them, or run `reconciler init`."
    ),
    "no-document": ProblemRule(
        "A configured path, folder or file holds no document. It may have been emptied by accident, so `--prune` is "
        "refused.",
        "Restore what it held, or remove it; a folder that is meant to be empty holds a file `.keep`.",
    ),
    "ignored-file": ProblemRule(
        "A file looks like a manifest and is not read: its ending is nearly one of ours, it is hidden or a copy, or a "
        "link cannot be followed. `--prune` is refused.",
        "Rename it to `.yaml`, `.yml` or `.json`, or move it out of the manifests.",
    ),
    "unused-exclude": ProblemRule(
        "A glob under `exclude` matches no file and no folder of the manifests, in no environment.",
        "Correct it, or remove it. One under `manifests` is relative to its `path`.",
    ),
    "config-name": ProblemRule(
        "The configuration exists under a name that is not read.", "Rename it to reconciler.yaml, or use `--config`."
    ),
    "unreadable": ProblemRule(
        "A file or folder exists and cannot be read, or is not a regular file.", "Correct its permissions or its type."
    ),
    "unwritable": ProblemRule(
        "A file that `fmt` would change cannot be written, or its owner could not be kept.", "Correct its permissions."
    ),
    "cannot-format": ProblemRule(
        "The canonical form of a file would not hold the same data, comments or anchors, so `fmt` left it as it is: a limit of ours.",
        "Report it; meanwhile leave out what is rare in it, such as tags.",
    ),
    "symlink-loop": ProblemRule("A symbolic link leads back to itself or to a parent folder.", "Remove the link."),
    "link-outside": ProblemRule(
        "A symbolic link leads outside the folder of manifests, which a pull request could use to read other files.",
        "Copy the file into the folder.",
    ),
    "too-large": ProblemRule("A file is larger than is read.", "Split it into several files."),
    "encoding": ProblemRule("A file is not UTF-8 text.", "Save it as UTF-8."),
    "syntax": ProblemRule("The text is not YAML 1.2 or JSON.", "Correct it at the place shown."),
    "too-deep": ProblemRule("Values are nested deeper than is read.", "Nest less: no manifest needs that many levels."),
    "too-many-values": ProblemRule(
        "A document holds more values than are read, counting what its aliases or references expand to.",
        "Split the document, or write out what the aliases repeat.",
    ),
    "recursive-alias": ProblemRule(
        "A YAML alias stands inside the value that it repeats, so the value has no end.", "Write out what is meant."
    ),
    "duplicate-key": ProblemRule(
        "A map gives the same key twice, so one of the values would be lost.", "Remove one of the two."
    ),
    "key-not-scalar": ProblemRule("A key of a map is itself a map or a list.", "Write the key as text."),
    "merge-not-map": ProblemRule("`<<` merges something that is not a map.", "Merge a map, or a list of maps."),
    "unknown-tag": ProblemRule("A YAML tag such as `!include` is not known.", "Use `${file:path}` or plain values."),
    "tag-mismatch": ProblemRule(
        "A value is not of the type that its YAML tag names.", "Correct the value, or remove the tag."
    ),
    "not-json": ProblemRule(
        "A number is infinite, not a number, or too long for JSON, which registries speak.", "Write another number."
    ),
    "not-unicode": ProblemRule(
        "Text holds half of a surrogate pair, which is no character.", "Write the character itself."
    ),
    "invisible-character": ProblemRule(
        "A character that nobody sees stands where it changes what is meant.",
        "Delete it; where it is meant, put the text into quotes.",
    ),
    "lookalike-character": ProblemRule(
        "A character looks like one of the notation and is none, such as a typographic quote or a wide colon.",
        "Type the plain one; where it is meant, put the text into quotes.",
    ),
    "one-document": ProblemRule(
        "A file that may hold one document holds several.", "Move the others into files of their own."
    ),
}

# The form of one document.
_FORM: Final = {
    "unknown-kind": ProblemRule(
        "`kind` is neither `Model` or `Template`, nor a kind of a driver in use.",
        "Correct it, or configure a registry of that driver.",
    ),
    "foreign-file": ProblemRule(
        "A file among the manifests is plainly another tool's, or what was given as the configuration is plainly none.",
        "Move it out of the folder, or list it under `exclude` in reconciler.yaml; where `import` knows its format, "
        "`reconciler import FILE -o DIR` translates it. A manifest is given as PATH, a configuration with `--config`.",
    ),
    "unknown-value": ProblemRule(
        "A value is none of those that this version knows of a list that is the vendor's; it is sent as it is.",
        "Correct it, or keep it where the registry is newer. `--strict` makes it an error.",
    ),
    "url-with-path": ProblemRule(
        "A base URL ends in a path that is added to it, as `/chat/completions`, so requests would go to a path that has it twice.",
        "Leave off the path that the message names. `--strict` makes it an error.",
    ),
    "no-source": ProblemRule(
        "A Model names neither an `endpoint` nor a `provider`, so nothing says where it is.",
        "Add one of them, or say in `registries` what that registry needs. `--strict` makes it an error.",
    ),
    "unknown-provider": ProblemRule(
        "A provider is none of those that this version knows; it is sent as it is.",
        "Correct it, or keep it where the registry knows it. `--strict` makes it an error.",
    ),
    "unlikely-value": ProblemRule(
        "A number is allowed, and far from what is usual there; it is sent as it is.",
        "Correct it, or keep it where it is meant. `--strict` makes it an error.",
    ),
    "unknown-field": ProblemRule("The kind has no such field.", "Correct the spelling, or remove the field."),
    "misplaced-field": ProblemRule(
        "A field that the kind has stands under `x-unmanaged`, which is for what no kind declares.",
        "Move it out of `x-unmanaged`, to the place that the kind gives it.",
    ),
    "missing-field": ProblemRule("A field that the kind requires is missing.", "Add it."),
    "wrong-type": ProblemRule("A value is of another type than its field.", "Write a value of the type named."),
    "not-allowed": ProblemRule("A value is not one of the words that its field takes.", "Use one of the words listed."),
    "out-of-range": ProblemRule("A number is outside the bounds of its field.", "Write a number within the bounds."),
    "bad-length": ProblemRule("Text or a list is too long or too short.", "Write as much as the field takes."),
    "bad-key": ProblemRule(
        "A key has characters that keys or this registry do not allow.",
        "Rename it, or give it another key there with `registries: {NAME: {key: ...}}`.",
    ),
    "bad-name": ProblemRule(
        "A name in reconciler.yaml, such as a registry's, has characters that names do not allow.", "Rename it."
    ),
    "bad-owner": ProblemRule(
        "`owner` is empty or holds `/`, as only the owner of an environment does: `<owner>/<environment>`.",
        "Write a name without `/`.",
    ),
    "bad-duration": ProblemRule("A duration is not a number with a unit.", "Write `30s`, `15m`, `24h` or `7d`."),
    "bad-pointer": ProblemRule("An entry of `ignore` is not a JSON pointer.", "Write it as `/field/inner`."),
    "bad-glob": ProblemRule(
        "A glob of reconciler.yaml is none: under `secrets.allow` it is over names of environment variables, under "
        "`exclude` over files below a folder.",
        "Write `OPENAI_*`, or `**/values.yaml`.",
    ),
    "bad-host": ProblemRule(
        "An entry of `secrets.allow` is not a host.",
        "Write `api.example.com`, `*.example.com` or `[::1]`, with `:PORT` or without.",
    ),
    "bad-url": ProblemRule("A URL is not http(s), or has no host.", "Write `https://host/path`."),
    "bad-variable": ProblemRule(
        "A field that takes the name of an environment variable holds something else.",
        "Write the variable's name, never its value.",
    ),
    BAD_VALUE: ProblemRule("A value is not of the form that its field takes.", "Write it as the message says."),
    "endpoint-and-provider": ProblemRule("A model has both an `endpoint` and a `provider`.", "Remove one of them."),
    "absent-protected": ProblemRule(
        "`protected: true` forbids what `state: absent` asks for.", "Apply `protected: false` first, then delete."
    ),
}

# References and secrets.
_REFERENCES: Final = {
    "literal-secret": ProblemRule(
        "A secret is written into the file.",
        "Revoke it, since it is in the history of the repository, and write `${env:NAME}`, `${file:path}` or `${cmd:NAME/REST}` instead.",
    ),
    "likely-secret": ProblemRule(
        "A value looks like a credential, or stands under the name of one, where any text may stand.",
        "If it is one, revoke it, and write `${env:NAME}`, `${file:path}` or `${cmd:NAME/REST}` in a secret field instead.",
    ),
    "inside-manifests": ProblemRule(
        "A registry's folder or the folder of backups lies inside the manifests, or the reverse: what is written there "
        "would be read as manifests.",
        "Give it a folder apart from the manifests.",
    ),
    "unfinished-replace": ProblemRule(
        "An earlier run died between the delete and the create of a replace; the backup still holds the old object.",
        "Apply again: values that are managed elsewhere are taken from the backup that the message names.",
    ),
    "secret-destination": ProblemRule(
        "A manifest would send a variable to a host that `secrets.allow` in reconciler.yaml does not list for it.",
        "Correct the address; if the variable belongs there, list the host under `secrets.allow`.",
    ),
    "secret-reference": ProblemRule(
        "A secret field holds a reference with other text around it.",
        "Make the whole value one reference, and put the rest into the secret.",
    ),
    "env-outside-secret": ProblemRule(
        "`${env:NAME}` is used outside a secret field, where a plan would print its value.",
        "Use `${var:NAME}` with `variables` in reconciler.yaml.",
    ),
    "command-outside-secret": ProblemRule(
        "`${cmd:NAME/REST}` is used outside a secret field, where a plan would print what the command prints.",
        "Use it as the whole value of a secret field.",
    ),
    "bad-command": ProblemRule(
        "A command of `secret_commands` is no list of a program and its arguments with `{name}` in one of them, or would let "
        "a manifest write code for a shell.",
        'Write a list such as `[vault, kv, get, -field=value, "secret/{name}"]`.',
    ),
    "unknown-command": ProblemRule(
        "`${cmd:NAME/REST}` names a command that `secret_commands` does not have.",
        "Correct the name, or add the command in reconciler.yaml.",
    ),
    "bad-reference": ProblemRule(
        "`${` opens something that is not a reference.", "Write a reference, or `$${` for a plain `${`."
    ),
    "unset-variable": ProblemRule(
        "`${var:NAME}` names a variable that `variables` does not set.", "Set it in reconciler.yaml."
    ),
    "missing-file": ProblemRule("`${file:path}` names a file that cannot be read.", "Create it, or correct the path."),
    "private-file": ProblemRule(
        "`${file:path}` outside a secret field names a hidden file, a file for credentials, or one that holds one, and "
        "a plan would print it.",
        "Reference it in a secret field only, or move the text into a file of its own.",
    ),
    "missing-dataset": ProblemRule(
        "A dataset is named by a path at which there is no file, so a run would fail.",
        "Correct the path, which is relative to the folder of the registry, or create the file.",
    ),
    "file-outside-project": ProblemRule(
        "`${file:path}` leads outside the folder of reconciler.yaml.", "Move the file into the project."
    ),
    "dangling-reference": ProblemRule(
        "A manifest names an object that neither the manifests nor the registry have.",
        "Declare that object, or correct the name.",
    ),
}

# What several documents and the configuration say together.
_TOGETHER: Final = {
    "duplicate-address": ProblemRule(
        "Two manifests declare the same object: one registry, kind and key.", "Remove one of them, or change its key."
    ),
    "kubernetes-object": ProblemRule(
        "An object of Kubernetes, or a file of Kustomize, stands among objects that declare models; it is left alone.",
        "Nothing is to be done; `exclude` in reconciler.yaml silences it.",
    ),
    "duplicate-template": ProblemRule("Two templates have the same key.", "Remove one of them, or change its key."),
    "unknown-template": ProblemRule(
        "`extends` names a template that no manifest declares.", "Correct the name, or write `kind: Template`."
    ),
    "unused-template": ProblemRule(
        "No Model extends a template, in no environment, so it does nothing.",
        "Name it in the `extends` of a Model, or remove it.",
    ),
    "previous-key-declared": ProblemRule(
        "A key in `previous_keys` is still declared by a manifest.", "Remove that manifest, or the previous key."
    ),
    "previous-key-claimed": ProblemRule(
        "Two manifests name the same previous key, and only one object can be renamed.", "Keep it in one of them."
    ),
    "no-registry": ProblemRule(
        "A model goes to no registry.", "Name registries in `registries`, or mark one with `default: true`."
    ),
    "unknown-registry": ProblemRule("There is no registry of that name in reconciler.yaml.", "Correct the name."),
    "unknown-driver": ProblemRule(
        "There is no driver of that name.", "Correct it, or install the package that adds it."
    ),
    "same-place": ProblemRule(
        "Two registries of reconciler.yaml lead to the same place and would fight over it.", "Remove one of them."
    ),
    "unknown-ignore": ProblemRule(
        "A pointer in `ignore` leads to no field of the object.", "Correct the pointer, or remove it."
    ),
    "registry-limit": ProblemRule(
        "The registry would refuse the value, or store it and then fail.", "Write a value within the limit named."
    ),
    "not-expressible": ProblemRule(
        "A registry cannot hold a field of the model.", "Remove the field, or do not send the model to that registry."
    ),
    "protection-not-kept": ProblemRule(
        "A registry has no room for the mark, so `protected` lasts only as long as its manifest.",
        "Keep the manifest for as long as the object must stay.",
    ),
}

# Policies, which a team writes for itself: a broken one has the rule `policy/<name>`.
_POLICIES: Final = {
    "no-policy": ProblemRule(
        "`policies`, or a file or folder that it leads to, holds no policy, so nothing would be checked.",
        "Restore what it held; `policies: []` in reconciler.yaml says that there is none.",
    ),
    "bad-policy": ProblemRule(
        "A policy cannot be used: its JSON Schema or its CEL expression is wrong.", "Correct it at the place shown."
    ),
    "duplicate-policy": ProblemRule("Two policies have one name.", "Rename one of them."),
    "unknown-policy": ProblemRule("A waiver names a policy that does not exist.", "Correct the name, or remove it."),
    "unused-waiver": ProblemRule(
        "A waiver waives nothing: its manifest does not break the policy in any environment.", "Remove the waiver."
    ),
    "bad-date": ProblemRule("A day is not written as in `2027-01-31`, or does not exist.", "Write year-month-day."),
}

# What a plan warns of.
_PLAN: Final = {
    "rotation-unknown": ProblemRule(
        "Whether a secret's value is new cannot be judged: it, or `fingerprint_key`, has no value here.",
        "Set both where you plan, or write the secret again with `--rotate KEY`.",
    ),
    "secret-unseen": ProblemRule(
        "A registry never shows a secret, so nothing tells whether it is stored.", "Write it with `--rotate KEY`."
    ),
    "not-in-force": ProblemRule(
        "The registry has stored the object as it should be, and does not act upon it yet.",
        "Where it stays so, look into the registry's own log for the reason.",
    ),
    "previous-key-left": ProblemRule(
        "An object of a previous key exists beside the new one and is not known to be an unfinished rename; it is left.",
        "Remove the previous key from the manifest; then it is an orphan that `--prune` may delete.",
    ),
    "perhaps-renamed": ProblemRule(
        "A new object has the content of one that no manifest declares any more: its key was changed, it seems.",
        "`previous_keys: [OLD]` renames the object, and keeps what belongs to it; without, one is created beside it.",
    ),
    "registry-not-kept": ProblemRule(
        "In a pipeline, a registry is a file or folder that was not in the checkout, so it goes with the runner.",
        "Use a registry that outlives the run; or a `path` outside of the checkout, on a runner that stays.",
    ),
    "not-moved": ProblemRule(
        "What moves to a registry that `--registry` leaves out stays where it is: that one does not hold it yet.",
        "Apply the registry that it moves to first, or both at once.",
    ),
    "never-pruned": ProblemRule(
        "Objects of this kind have no room for the mark, so none of them is ever pruned.",
        "Say which are yours with `owns` in reconciler.yaml.",
    ),
}

# What `import` finds in other tools' files.
_IMPORT: Final = {
    "unknown-format": ProblemRule("A file is of no format that `import` knows.", "Name files of a known format."),
    "already-a-manifest": ProblemRule("A file is a manifest already.", "Use it as it is."),
    "not-a-model": ProblemRule(
        "A file, or a part of it, declares nothing that can be imported; it is left out.", "None."
    ),
    "recursive-reference": ProblemRule("A file includes itself.", "Remove one of the includes."),
    "to-do": ProblemRule("A placeholder is still to be filled in.", "Fill it in and import again."),
    "old-field": ProblemRule("A field means nothing any more and is left out.", "Nothing is to be done."),
    "old-name": ProblemRule("A name was replaced; the new one is written.", "Nothing is to be done."),
    "guessed-key": ProblemRule(
        "A provider's model has a name that no key can have, so its key is a guess.",
        "Compare it with what `reconciler models PROVIDER` lists.",
    ),
    "not-expanded": ProblemRule(
        "Text that looks like a variable is not expanded by the other tool and is kept as it stands.",
        "Check the value.",
    ),
    "secret-as-text": ProblemRule(
        "A reference to a secret stands in a field where the other tool expands none; it is kept as text.",
        "Check the value.",
    ),
    "empty-secret": ProblemRule("A secret is empty, so none is written.", "Nothing is to be done."),
}

# What ends a command, where its answer is a list of problems: the error's code is the rule.
_ERRORS: Final = {
    "error": ProblemRule("The command failed.", "Read the message."),
    "usage": ProblemRule("The command line asks for something that makes no sense.", "Run the command with `--help`."),
    "input": ProblemRule("What was given cannot be used; nothing was written.", "Correct it as the message says."),
    "manifests": ProblemRule("Manifests have problems.", "`reconciler validate` lists them."),
    "config": ProblemRule("The configuration cannot be used.", "Correct reconciler.yaml as the message says."),
    "plan-file": ProblemRule("A saved plan is damaged, edited or of another version.", "Plan and save again."),
    "secret": ProblemRule(
        "A secret's reference leads to no value.", "Set the variable, or create the file, that it names."
    ),
    "registry": ProblemRule("A registry could not be read, or refused a write.", "Read what it answered."),
    "registry-temporary": ProblemRule("A registry could not be reached, or said to try later.", "Run again."),
    "registry-lost-reply": ProblemRule(
        "A request was sent and its reply lost, so it may have been done.", "Run again: what was done is found."
    ),
    "registry-permanent": ProblemRule("A registry refuses the request as it is.", "Correct what it names."),
    "deadline": ProblemRule(
        "A registry did not come to an end within its `deadline`, 15 minutes unless its entry says otherwise.",
        "Run again, or raise `deadline` of that registry in reconciler.yaml.",
    ),
    "stale-object": ProblemRule("An object changed since it was read and was not overwritten.", "Plan again."),
    "refused": ProblemRule("A guard, a stale plan or a protection forbids the run.", "Read what forbids it."),
}

GROUPS: Final[Mapping[str, Mapping[str, ProblemRule]]] = {
    "Files and their text": _FILES,
    "The form of a document": _FORM,
    "References and secrets": _REFERENCES,
    "Documents and configuration together": _TOGETHER,
    "Policies": _POLICIES,
    "Warnings of a plan": _PLAN,
    "Import": _IMPORT,
    "Errors that end a command": _ERRORS,
}
RULES: Final[Mapping[str, ProblemRule]] = {word: rule for group in GROUPS.values() for word, rule in group.items()}


def help_uri(rule: str) -> str | None:
    """The address of a rule's entry in the documentation, or None where it has none."""
    if rule.startswith("policy/"):
        return f"{DOCUMENTATION}policies.html"
    return f"{DOCUMENTATION}reference/rules.html#{rule}" if rule in RULES else None
