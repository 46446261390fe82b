#!/bin/sh
# common-expression-language 0.10.0 (PyPI, the Rust crate `cel`): a macro fails where CEL has a verdict.
#
# CEL's `all` is a conjunction: an element for which the predicate is false makes the whole false, whatever errors other
# elements give, in either order; `exists` is a disjunction in the same way. The conformance cases of google/cel-spec
# say so (macros.textproto, list_elem_error_shortcircuit). This library stops at the first element that errs. It keeps
# the rule for the plain operator: `error && false` is false.
#
# Consequence: a policy over a list gives no verdict, or gives one, by the order of the list. Google's own binding,
# cel-expr-python 0.1.3, has the verdict in both orders.
#
# Seen on 2026-11-28, Python 3.11:
#   operator: False
#   all, error first: ZeroDivisionError
#   all, error last: False
#   exists, error first: ZeroDivisionError
#   Google's: [False, False, True]
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'common-expression-language==0.10.0' 'cel-expr-python==0.1.3'
cat > "$dir/see.py" <<'PY'
import cel
from cel_expr_python import cel as google

CASES = {
    "all, error first": "[2, 1].all(e, 6 / (2 - e) == 5)",
    "all, error last": "[1, 2].all(e, 6 / (2 - e) == 5)",
    "exists, error first": "[2, 1].exists(e, 6 / (2 - e) == 6)",
}


def verdict(expression):
    try:
        return str(cel.evaluate(expression))
    except Exception as error:
        return type(error).__name__


print("operator:", verdict("6 / (2 - 2) == 5 && false"))
for name, expression in CASES.items():
    print(f"{name}:", verdict(expression))
environment = google.NewEnv()
print("Google's:", [environment.compile(one).eval().plain_value() for one in CASES.values()])
PY
"$dir/venv/bin/python" "$dir/see.py" | tee "$dir/seen"
cat > "$dir/expected" <<'TXT'
operator: False
all, error first: ZeroDivisionError
all, error last: False
exists, error first: ZeroDivisionError
Google's: [False, False, True]
TXT
diff "$dir/expected" "$dir/seen"
