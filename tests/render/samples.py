"""Small values that the tests of the renderers share."""

from __future__ import annotations

from reconciler.applier.report import Outcome, Report
from reconciler.core.errors import Problem
from reconciler.core.resource import Address, Source
from reconciler.manifest.validation import Validation
from reconciler.planner.plan import Change, Consents, FieldChange, Guard, Plan
from reconciler.render.terminal import Style

PLAIN = Style(color=False)
COLOURED = Style(color=True)

# one of each kind of thing that must not get out raw
EVIL = "\x1b[31mred\x1b]0;title\x07 \x9b2J \x7f\r\nnew\tline \u202eabc \u2066 \u200b \ufeff \u2028 \ud800 | `x` <b>&amp; @octocat #1 [a](http://e.example) www.e.example ::error::%0A \\"


def address(key: str, kind: str = "Model") -> Address:
    return Address("aigo", kind, key)


def plan() -> Plan:
    """One change of each action, one derived resource, orphans, and a warning."""
    field = FieldChange
    changes = (
        Change(
            address("reconciler-chat-api_key", "Secret"),
            "create",
            "new",
            (field("/value", after="x", sensitive=True),),
            parent=address("chat"),
            source=Source("manifests/chat.yaml", 2),
        ),
        Change(
            address("chat"),
            "create",
            "new",
            (field("/display_name", after="Chat"), field("/tags", after=["a", "b"])),
            source=Source("manifests/chat.yaml", 2),
        ),
        Change(
            address("summary"),
            "update",
            "changed",
            (
                field("/parameters/temperature", 0.2, 0.9),
                field("/tags", ["support", "beta"], ["support", "prod"]),
                field("/api_key", sensitive=True),
                field("/limits", {"max": 4}),
            ),
            source=Source("manifests/summary.yaml", 14),
        ),
        Change(
            address("router-v2"),
            "rename",
            "renamed",
            previous=address("router"),
            source=Source("manifests/router.yaml", 1),
        ),
        Change(
            address("sql"),
            "replace",
            "immutable",
            (field("/model", "llama", "gpt"),),
            source=Source("manifests/sql.yaml", 7),
            replaces=("/model",),
        ),
        Change(
            address("finance"),
            "conflict",
            "owner",
            source=Source("manifests/finance.yaml", 1),
            message="it belongs to team-b; --take-ownership team-b takes it over",
        ),
        Change(address("hr"), "blocked", "protected", message="it is protected"),
        Change(address("old"), "delete", "removed"),
        Change(address("reconciler-old-api_key", "Secret"), "delete", "removed", parent=address("old")),
    )
    warning = Problem(
        "manifests/chat.yaml", 9, 3, "not-expressible", "aigo cannot hold labels", severity="warning", pointer="/labels"
    )
    return Plan(changes, 10, (address("stray"),), problems=(warning,), fingerprint="ab" * 32)


def report() -> Report:
    """Two changes that went well, and one of each way not to."""
    outcomes = (
        Outcome(address("chat"), "create", "ok", "new", duration=0.1234),
        Outcome(address("old"), "delete", "ok", "removed"),
        Outcome(address("summary"), "update", "failed", "registry-temporary", "503 after 4 tries"),
        Outcome(address("hr"), "blocked", "blocked", "protected", "it is protected"),
        Outcome(address("needy"), "create", "skipped", "dependency", "aigo/Secret/x failed"),
        Outcome(address("lossy"), "update", "not_stored", "dropped", "/description was not stored"),
    )
    return Report(Plan((), 10), outcomes, backup=".reconciler/backup/1", notes=("rotation of aigo/Model/z is pending",))


def validation() -> Validation:
    """A file with an error, a warning and a literal secret, among five."""
    lines = ["kind: Model", "key: a", "dispaly_name: Support", "endpoint:", "  api_key: sk-12345", "tags: [a]"]
    problems = (
        Problem(
            "manifests/a.yaml", 3, 1, "unknown-field", "unknown field 'dispaly_name'", 3, 13, suggestion="display_name"
        ),
        Problem("manifests/a.yaml", 5, 12, "literal-secret", "/endpoint/api_key holds a literal secret", 5, 20),
        Problem("manifests/a.yaml", 6, 7, "odd", "an odd tag", severity="warning", pointer="/tags"),
    )
    return Validation(5, 12, problems, {"manifests/a.yaml": lines})


def evil_plan() -> Plan:
    """A plan with EVIL in every text it holds."""
    bad = Address(EVIL, EVIL, EVIL)
    place = Source(EVIL, 1)
    fields = (
        FieldChange(EVIL, EVIL, EVIL + "x"),
        FieldChange("/" + EVIL, after={EVIL: [EVIL]}),
        FieldChange("/list", [EVIL], [EVIL + "y"]),
        FieldChange("/objects", [{"name": EVIL, EVIL: 1}], [{"name": EVIL, EVIL: EVIL}, {EVIL: EVIL}]),
        FieldChange(EVIL, sensitive=True),
    )
    actions = ("create", "update", "rename", "replace", "delete", "conflict", "blocked")
    changes = tuple(
        Change(bad, action, EVIL, fields, EVIL, (bad,), None, bad, place, message=EVIL, replaces=(EVIL,))
        for action in actions
    )
    derived = Change(Address("a", "b", EVIL), "create", EVIL, fields, parent=bad, source=Source(EVIL, 2))
    problem = Problem(EVIL, 1, 1, EVIL, EVIL, severity="warning", pointer=EVIL, suggestion=EVIL)
    consents = Consents(take_ownership=(EVIL,), rotate=(EVIL,))
    guards = (Guard(EVIL, EVIL, EVIL),)
    return Plan((*changes, derived), 1, (bad,), guards, (problem,), consents, EVIL, {}, EVIL)


def evil_report() -> Report:
    """A report with EVIL in every text it holds."""
    bad = Address(EVIL, EVIL, EVIL)
    outcomes = tuple(
        Outcome(bad, "update", status, EVIL, EVIL)
        for status in ("ok", "failed", "skipped", "not_stored", "conflict", "blocked")
    )
    return Report(Plan((), 0), outcomes, EVIL, notes=(EVIL,))


def evil_validation() -> Validation:
    """Problems with EVIL in every text they hold, in a file whose lines are EVIL."""
    problems = tuple(
        Problem(EVIL, line, column, rule, EVIL, line, column + 4, severity, EVIL, EVIL)
        for line, column, rule, severity in (
            (1, 1, EVIL, "error"),
            (2, 300, "literal-secret", "error"),
            (9, 9, EVIL, "warning"),
        )
    )
    return Validation(1, 1, problems, {EVIL: [EVIL.replace("\n", ""), "a: " + EVIL * 9]})
