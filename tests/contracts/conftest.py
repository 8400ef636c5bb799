"""The command, this repository, and a repository of an application that uses Landbridge."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# What pg_dump writes, with text that must be in no output.
DUMP = """\
--
-- PostgreSQL database dump
--
SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TYPE public.tier AS ENUM ('gold-secret-7', 'basic');
CREATE TABLE public.members (
    id bigint NOT NULL,
    mbr_nm character varying(80),
    email character varying(320),
    joined timestamp with time zone DEFAULT now() NOT NULL,
    acct_no character varying(30)
);
COPY public.members (id, mbr_nm) FROM stdin;
1\tsecret-7
\\.
CREATE INDEX members_email ON public.members USING btree (email);
"""

CONTRACT = """\
version: 1
tables:
  public.members:
    columns:
      id: { source: bigint, type: INT64, class: none }
      mbr_nm: { source: character varying, type: STRING, class: name }
      email: { source: character varying, type: STRING, class: email }
      joined: { source: timestamp with time zone, type: TIMESTAMP, class: none }
      acct_no: { source: character varying, type: STRING, class: account, transform: tokenise, token_domain: account }
"""


@pytest.fixture
def landbridge() -> str:
    return os.environ["LANDBRIDGE_CLI"]


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """A repository of an application, with a contract that describes its schema."""
    repository = tmp_path / "application"
    (repository / "db" / "migrations").mkdir(parents=True)
    demo = (ROOT / "examples/demo/landbridge.yaml").read_text().splitlines(keepends=True)
    config = "".join(line for line in demo if not line.startswith("  ga4:"))
    (repository / "landbridge.yaml").write_text(config)
    (repository / "contract.yaml").write_text(CONTRACT)
    (repository / "db" / "schema.sql").write_text(DUMP)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in [["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "a"]]:
        subprocess.run([*git, *command], cwd=repository, check=True, capture_output=True)
    return repository
