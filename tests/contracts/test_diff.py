"""`landbridge contract diff` in a repository: who will see what, compared with a commit and with a file."""

import json
import subprocess


def diff(landbridge, application, *arguments):
    command = [landbridge, "contract", "diff", *arguments]
    return subprocess.run(command, cwd=application, capture_output=True, text=True, timeout=60)


def change(application, name, old, new):
    path = application / name
    text = path.read_text()
    assert old in text, old
    path.write_text(text.replace(old, new, 1))


def test_what_opens_comes_first_and_can_fail_the_check(application, landbridge):
    same = diff(landbridge, application, "--fail-on", "opens")
    assert same.returncode == 0 and same.stdout.startswith("compared with HEAD: 0 open, 0 close"), same.stdout
    before = (application / "contract.yaml").read_text()
    (application / "before.yaml").write_text(before)
    change(application, "contract.yaml", "class: name", "class: phone")
    change(application, "contract.yaml", "class: email", "class: none")
    change(application, "contract.yaml", "class: account, transform: tokenise, token_domain: account", "class: account")
    for start in ["HEAD", "main", "before.yaml"]:
        done = diff(landbridge, application, "--from", start, "--fail-on", "opens")
        assert done.returncode == 1, done.stdout + done.stderr
        assert done.stdout.splitlines() == [
            "opens public.members.acct_no: account, tokenise → account, with the next load",
            "  group:pii-readers@example.com: tokens → plain values",
            "opens public.members.email: email → none, within five minutes of the deployment",
            "  only if its values do not look personal; otherwise it stays masked for everyone until you write `pinned: true`",
            "  group:analysts@example.com: masked (EMAIL_MASK) → plain values",
            "  other readers of the dataset: nothing → plain values",
            "same public.members.mbr_nm: name → phone",
            f"compared with {start}: 2 open, 0 close, 1 same for all readers",
        ], done.stdout
    assert "2 columns may be seen by more people than in before.yaml" in done.stderr
    assert diff(landbridge, application).returncode == 0, "without --fail-on, it only shows"
    rows = json.loads(diff(landbridge, application, "--output", "json").stdout)
    assert [row["direction"] for row in rows] == ["opens", "opens", "same"]
    assert rows[0]["before"]["transform"] == "tokenise" and rows[0]["with_next_load"] is True
    assert [row["if_harmless"] for row in rows] == [False, True, False]


def test_readers_in_the_configuration_of_the_commit_count(application, landbridge):
    email = 'email:\n      mask: EMAIL_MASK\n      masked_readers: ["group:analysts@example.com"]'
    new = email.replace('"]', '", "user:new@example.com"]')
    change(application, "landbridge.yaml", email, new)
    done = diff(landbridge, application, "--fail-on", "opens")
    assert done.returncode == 1
    assert "  user:new@example.com: nothing → masked (EMAIL_MASK)" in done.stdout, done.stdout


def test_a_commit_that_is_none_is_named(application, landbridge):
    for start in ["nothing", "--output=json", "HEAD~7", "-h"]:
        done = diff(landbridge, application, f"--from={start}")
        assert done.returncode == 2 and f"`{start}`" in done.stderr, done.stderr


def test_a_file_with_the_name_of_a_commit_is_not_compared_instead_of_it(application, landbridge):
    change(application, "contract.yaml", "class: email", "class: none")
    assert diff(landbridge, application, "--from", "main", "--fail-on", "opens").returncode == 1
    for name in ["main", "HEAD"]:
        (application / name).write_text((application / "contract.yaml").read_text())
        done = diff(landbridge, application, "--from", name, "--fail-on", "opens")
        assert done.returncode == 2 and "is a commit of git, and a file" in done.stderr, done.stdout + done.stderr
    done = diff(landbridge, application, "--from", "./main", "--fail-on", "opens")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_pin_opens_a_column_whose_values_had_looked_personal(application, landbridge):
    change(application, "contract.yaml", "class: email", "class: none")
    (application / "before.yaml").write_text((application / "contract.yaml").read_text())
    change(application, "contract.yaml", "STRING, class: none", "STRING, class: none, pinned: true")
    done = diff(landbridge, application, "--from", "before.yaml", "--fail-on", "opens")
    assert done.returncode == 1 and ": none → none, pinned" in done.stdout, done.stdout + done.stderr
    assert "if its values had looked personal" in done.stdout, done.stdout
