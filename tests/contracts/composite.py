"""Runs a composite GitHub Action as a runner does, as far as this project's actions need it.

Source: GitHub documentation, "Metadata syntax reference" (`runs` for composite actions) and "Workflow commands": `run` steps
in the order of the file, inputs with their defaults, `env` and `if` with expressions, the files behind GITHUB_OUTPUT.
What is not known here is an error.
"""

import os
import re
import subprocess
from pathlib import Path

import yaml

EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
# GitHub documentation, "Workflow syntax", `shell`: how `bash` is started.
BASH = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"]


def value(expression: str, inputs: dict, outputs: dict) -> str:
    if match := re.fullmatch(r"inputs\.([\w-]+)", expression):
        return inputs[match[1]]
    if match := re.fullmatch(r"steps\.([\w-]+)\.outputs\.([\w-]+)", expression):
        return outputs[match[1]].get(match[2], "")
    if match := re.fullmatch(r"inputs\.([\w-]+) == '([^']*)'", expression):
        return "true" if inputs[match[1]] == match[2] else "false"
    raise ValueError(f"an expression that is not known: {expression}")


class Run:
    """What a run printed, its exit code, and the outputs of the action."""

    def __init__(self, action: Path, repository: Path, temporary: Path, given: dict):
        metadata = yaml.safe_load((action / "action.yml").read_text())
        assert metadata["runs"]["using"] == "composite"
        unknown = set(given) - set(metadata["inputs"])
        assert not unknown, f"inputs that the action does not have: {unknown}"
        inputs = {name: str(it.get("default", "")) for name, it in metadata["inputs"].items()} | given
        self.code, self.out, self.err, self.ran = 0, "", "", []
        steps: dict[str, dict] = {}
        for number, step in enumerate(metadata["runs"]["steps"]):
            assert set(step) <= {"name", "id", "if", "shell", "env", "run"}, step
            assert step["shell"] == "bash"
            # No expression may be a part of a script.
            assert not EXPRESSION.search(step["run"]), step["run"]
            fill = lambda text: EXPRESSION.sub(lambda it: value(it[1], inputs, steps), str(text))
            if self.code != 0 or fill(step.get("if", "true")) != "true":
                continue
            script, output = temporary / f"step-{number}.sh", temporary / f"output-{number}"
            script.write_text(step["run"])
            output.touch()
            variables = {name: fill(it) for name, it in step.get("env", {}).items()}
            runner = {
                "GITHUB_ACTION_PATH": str(action),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_WORKSPACE": str(repository),
                "RUNNER_TEMP": str(temporary),
                "GITHUB_ACTIONS": "true",
            }
            done = subprocess.run(
                [*BASH, str(script)],
                cwd=repository,
                env=os.environ | runner | variables,
                capture_output=True,
                text=True,
                timeout=120,
            )
            self.ran.append(step["name"])
            self.code, self.out, self.err = done.returncode, self.out + done.stdout, self.err + done.stderr
            pairs = (line.split("=", 1) for line in output.read_text().splitlines())
            steps[step.get("id", str(number))] = dict(pairs)
        self.outputs = {
            name: EXPRESSION.sub(lambda it: value(it[1], inputs, steps), it["value"])
            for name, it in metadata["outputs"].items()
        }
