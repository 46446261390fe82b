"""One manifest serves every registry: the embedded one, AI GO!, watsonx, and the real NeMo, LiteLLM and MLflow, in one apply."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from registry.aigo.server import aigo
from registry.litellm.server import LiteLLMServer
from registry.server_process import Running
from registry.watsonx.server import orchestrate

MANIFEST = Path(__file__).parents[2] / "manifests/hosted/everywhere.yaml"
CONFIG = """\
owner: platform-team
variables: {{llm_host: llm.example.com}}
registries:
  local: {{driver: local, path: registry.db, default: true}}
  aigo: {{driver: latticeflow, url: "{aigo}", api_key: "${{env:AIGO_KEY}}", owns: ["*"], default: true}}
  nemo: {{driver: nemo, url: "{nemo}", workspace: {workspace}, owns: ["*"], default: true}}
  wxo: {{driver: watsonx, url: "{watsonx}", token: "${{env:WXO_TOKEN}}", owns: ["*"], default: true}}
  litellm: {{driver: litellm, url: "{litellm}", token: "${{env:LITELLM_TOKEN}}", default: true}}
  mlflow: {{driver: mlflow, url: "{mlflow}", workspace: {mlflow_workspace}, default: true}}
"""
SECRET = "sk-of-the-helpdesk-9f3"


def said(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reconciler", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "SUPPORT_LLM_KEY": SECRET, **environ},
    )


@pytest.mark.timeout(600)
def test_one_manifest_goes_everywhere(
    nemo_server: Running,
    workspace: str,
    litellm: LiteLLMServer,
    mlflow_server: Running,
    mlflow_workspace: str,
    tmp_path: Path,
) -> None:
    """It converges in one run, its plan names every registry, what stands beside each model is shown below it, and no secret is said."""
    with aigo() as there, orchestrate() as cloud:
        (tmp_path / "reconciler.yaml").write_text(
            CONFIG.format(
                aigo=there.url,
                nemo=nemo_server.url,
                workspace=workspace,
                watsonx=cloud.url,
                litellm=litellm.url,
                mlflow=mlflow_server.url,
                mlflow_workspace=mlflow_workspace,
            )
        )
        (tmp_path / "manifests").mkdir()
        (tmp_path / "manifests/helpdesk.yaml").write_text(MANIFEST.read_text(encoding="utf-8"), encoding="utf-8")
        environ = {"AIGO_KEY": there.key, "WXO_TOKEN": cloud.token, "LITELLM_TOKEN": litellm.token}
        assert said(tmp_path, "validate").returncode == 0
        plan = said(tmp_path, "plan", **environ)
        assert plan.returncode == 0, plan.stderr
        for address in (
            "aigo/Model/helpdesk",
            "local/Model/helpdesk",
            "nemo/Model/helpdesk",
            "wxo/Model/virtual-model/",
            "litellm/Model/helpdesk",
            "mlflow/Endpoint/helpdesk",
        ):
            assert address in plan.stdout
        for beside in ("nemo/Provider", "litellm/Credential", "mlflow/Secret"):
            assert f"└ {beside}/reconciler-helpdesk" in plan.stdout
        applied = said(tmp_path, "apply", "--yes", "--format", "json", **environ)
        assert applied.returncode == 0, applied.stdout + applied.stderr
        assert {outcome["status"] for outcome in json.loads(applied.stdout)["outcomes"]} == {"ok"}
        again = said(tmp_path, "apply", "--yes", **environ)
        assert (again.returncode, "Nothing to do" in again.stdout) == (0, True), again.stdout
        assert said(tmp_path, "drift", **environ).returncode == 0
        for one in (plan, applied, again):
            assert SECRET not in one.stdout + one.stderr
