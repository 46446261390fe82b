"""What is made of a server's answer to a write: who moved the object, what is wrong with the body, and nothing secret of it."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.errors import PermanentError, RegistryError, StaleObjectError
from reconciler.core.resource import Address, Resource
from reconciler.core.secret import Secret
from reconciler.registry.http import Response
from reconciler.registry.http.write_errors import quoted_id, raise_for_write
from reconciler.registry.protocol import Write

ADDRESS = Address("one", "Secret", "key")
SENT = {"name": "key", "value": Secret("sk-Zx81qLmW")}
CREATE = Write(Resource(ADDRESS, {}))
UPDATE = Write(Resource(ADDRESS, {}), current=Resource(ADDRESS, {}, id="a/b"))


def refused(detail: Any) -> PermanentError:
    with pytest.raises(PermanentError) as caught:
        raise_for_write(CREATE, Response(422, {}, detail), SENT)
    return caught.value


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("'sk-Zx81qLmW' is too short", "'***' is too short"),
        (["sk-Zx81qLmW"], "['***']"),
        ([{"loc": ["body", "value"], "msg": "'sk-Zx81qLmW' is too short"}], "/value: '***' is too short"),
        ([{"msg": "no body"}], "no body"),
        ([{"loc": ["body", "a", 0], "msg": "one"}, {"loc": ["body", "b"], "msg": "two"}], "/a/0: one; /b: two"),
        (None, "it does not say why"),
        ([], "it does not say why"),
    ],
)
def test_a_refusal_says_what_the_server_says_and_no_secret(detail: Any, said: str) -> None:
    """Also where the server repeats what it was sent."""
    error = refused({"detail": detail})
    assert error.message == f"one/Secret/key was refused: {said}"
    assert "sk-Zx81qLmW" not in str(error.places)


@pytest.mark.parametrize("data", [None, "no", ["no"], {}])
def test_a_refusal_of_another_shape_is_one_too(data: Any) -> None:
    """A gateway's 422 is no success."""
    assert refused(data).message == "one/Secret/key was refused: it does not say why"


def test_a_refusal_has_the_places() -> None:
    """By them the line of the manifest is found."""
    found = refused({"detail": [{"loc": ["body", "spec", "url"], "msg": "is no URL"}]})
    assert found.places == (("/spec/url", "is no URL"),)


def test_a_long_refusal_is_cut() -> None:
    """A page of text is no message."""
    assert len(refused({"detail": "x" * 9000}).message) < 600


@pytest.mark.parametrize(
    ("write", "status", "said"),
    [
        (CREATE, 409, "exists already"),
        (UPDATE, 409, "was changed since it was read"),
        (UPDATE, 404, "was deleted since it was read"),
    ],
)
def test_an_object_that_moved_is_told(write: Write, status: int, said: str) -> None:
    """What to do is to plan again."""
    with pytest.raises(StaleObjectError, match=said) as caught:
        raise_for_write(write, Response(status, {}, None), SENT)
    assert str(caught.value.hint).endswith("plan again")


@pytest.mark.parametrize("status", [200, 201, 204])
def test_anything_else_passes(status: int) -> None:
    """The driver says which statuses it expects."""
    try:
        raise_for_write(UPDATE, Response(status, {}, {"detail": "x"}), SENT)
    except RegistryError as error:
        pytest.fail(f"{status}: {error}")


def test_a_number_is_part_of_a_path() -> None:
    """An id with a slash is one part of it, and an empty one would be the path of all objects."""
    assert UPDATE.current is not None
    assert quoted_id(UPDATE.current) == "a%2Fb"
    with pytest.raises(ValueError, match="has no id"):
        quoted_id(Resource(ADDRESS, {}, id=""))
