"""Records the state of both modules in tests/releases/$RECORD_RELEASE, without the paths of this machine.

scripts/record-release.sh runs it; it is not one of the tests.
"""

import json
import os
import shutil

from servers import ROOT, provider_of_google
from test_google_apply import Deployment, project  # noqa: F401


def write(path, state, folder):
    """Writes a state, one resource on a line, with a placeholder for the folder of the run."""
    state = json.loads(state.read_text().replace(str(folder), "/deployed"))
    resources = state.pop("resources")
    head = json.dumps(state)[:-1]
    path.write_text(head + ', "resources": [\n' + ",\n".join(json.dumps(it) for it in resources) + "\n]}\n")


def test_record(tree, deployed, tmp_path, project):  # noqa: F811
    place = ROOT / "tests/releases" / os.environ["RECORD_RELEASE"]
    place.mkdir(parents=True, exist_ok=True)
    example = tree / "terraform/examples/complete/landbridge.yaml"
    shutil.copy(example, place / "terraform.landbridge.yaml")
    write(place / "aws.state.json", deployed.terraform.folder / "terraform.tfstate", tree)
    shutil.copytree(
        tree / "terraform/modules/gcp", tmp_path / "gcp", ignore=shutil.ignore_patterns(".terraform*", "tests")
    )
    cloud = project()
    with provider_of_google(tmp_path, cloud) as variables:
        Deployment(tmp_path, variables, cloud, example).apply()
    write(place / "google.state.json", tmp_path / "terraform.tfstate", tmp_path)
