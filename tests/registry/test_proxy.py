"""The memory of the proxies between us and real servers: what it answers is what the server would answer now."""

from __future__ import annotations

import pytest
from registry.litellm.between import Between
from registry.mlflow_contract import MlflowProxy
from registry.nemo_proxy import Answer, Passed, Proxy

GET = Passed("GET", "/v2/model/info", "page=1&", None, {})
POST = Passed("POST", "/v2/model/info", "", None, {})
OLD: Answer = (200, b"before the write", {})
NEW: Answer = (200, b"after it", {})


def proxies() -> list[Proxy]:
    """One of each class, which remembers."""
    return [
        Proxy("http://127.0.0.1:9", remembered={}),
        MlflowProxy("http://127.0.0.1:9"),
        Between("http://127.0.0.1:9"),
    ]


@pytest.mark.parametrize("proxy", proxies(), ids=lambda proxy: type(proxy).__name__)
def test_a_list_that_a_write_overtook_is_not_remembered(proxy: Proxy) -> None:
    """The server read it before the write, and its answer came after the write's."""

    def overtaken() -> Answer:
        proxy.kept(POST, lambda: NEW)
        return OLD

    assert proxy.kept(GET, overtaken) == OLD
    assert proxy.recall(GET) is None
    assert proxy.kept(GET, lambda: NEW) == NEW
    assert proxy.recall(GET) == NEW
    proxy.kept(POST, lambda: NEW)
    assert proxy.recall(GET) is None
