"""Checks the signature of a link of the chain as docs/proof.md describes it, without any code of Landbridge.

check.py LINK.json SIGNATURE.json PUBLIC-KEY.pem RECEIPTS-FOLDER

Every receipt of the link is a file of the folder. Two verifiers that others wrote must agree: the Python package
`cryptography`, and the command `openssl` if it is installed.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def message(link):
    facts = ["landbridge-link-v1", link["number"], link["previous"], link["source"], link["day"], link["redo"]]
    lines = [str(fact) for fact in facts] + [link["linked_at"]]
    lines += [f"{link['receipts'][name]} {name}" for name in sorted(link["receipts"])]
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    return f"landbridge-chain-v1 {link['source']} {link['number']} {digest}\n".encode()


def by_cryptography(text, signature, pem):
    key = serialization.load_pem_public_key(pem.read_bytes())
    try:
        key.verify(signature, text, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def by_openssl(text, signature, pem):
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "message"), Path(folder, "signature.der")
        files[0].write_bytes(text)
        files[1].write_bytes(signature)
        command = ["openssl", "dgst", "-sha256", "-verify", str(pem), "-signature", str(files[1]), str(files[0])]
        return subprocess.run(command, capture_output=True).returncode == 0


link, recorded = (json.loads(Path(path).read_text()) for path in sys.argv[1:3])
pem, receipts = Path(sys.argv[3]), Path(sys.argv[4])
found = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in receipts.glob("*.json")}
if found != link["receipts"]:
    sys.exit("other receipts")
signature = base64.b64decode(recorded["signature"])
verifiers = [by_cryptography] + ([by_openssl] if shutil.which("openssl") else [])
verdicts = [verify(message(link), signature, pem) for verify in verifiers]
if any(verify(message(link | {"redo": link["redo"] + 1}), signature, pem) for verify in verifiers):
    sys.exit("a verifier accepts another message")
sys.exit(0 if all(verdicts) else f"no signature of this link: {verdicts}")
