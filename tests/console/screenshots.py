"""Writes docs/images: the console on days of the local cloud. Usage: screenshots.py LANDBRIDGE FOLDER [PAGE…]"""

import base64
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile
import time

from browser import chromium

# Name, address, and how the browser is set.
SHOTS = {
    "console-today": ("", {}),
    "console-today-ko": ("", {"locale": "ko-KR"}),
    "console-days": ("days", {}),
    "console-table": ("tables/public.creators", {"color_scheme": "dark"}),
    "console-restore": ("restore", {}),
}
VIEW = {"viewport": {"width": 1200, "height": 900}, "device_scale_factor": 1.5}
DAYS = 4


def environment(folder):
    """The variables that `landbridge local up` wrote, without the machine's own settings."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    for line in (folder / "local.env").read_text().splitlines():
        name, value = line.removeprefix("export ").split("=", 1)
        variables[name] = shlex.split(value)[0]
    return variables


def wait_for(path, process):
    while not path.exists():
        assert process.poll() is None, "the local cloud ended"
        time.sleep(0.5)


def shoot(address, folder, wanted):
    for name, (path, options) in SHOTS.items():
        if wanted and name not in wanted:
            continue
        with chromium(**VIEW, **options) as (page, _):
            page.goto(address + path)
            client = page.context.new_cdp_session(page)
            size = client.send("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 1000), "scale": 1}
            picture = {"format": "webp", "quality": 82, "clip": clip, "captureBeyondViewport": True}
            data = client.send("Page.captureScreenshot", picture)["data"]
            (folder / f"{name}.webp").write_bytes(base64.b64decode(data))
            print(f"{name}.webp: {len(data) * 3 // 4 // 1024} KiB")


def main():
    program, target, *wanted = sys.argv[1:]
    target = pathlib.Path(target)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        up = [program, "local", "up", "--days", str(DAYS), "--data-dir", place]
        cloud = subprocess.Popen(up, stdout=subprocess.DEVNULL)
        try:
            wait_for(folder / "local.env", cloud)
            console = subprocess.Popen(
                [program, "console", "--port", "0", "--output", "json", "--data-dir", place],
                stdout=subprocess.PIPE, env=environment(folder), text=True,
            )
            try:
                text = "".join(iter(console.stdout.readline, "}\n")) + "}"
                time.sleep(5)
                shoot(json.loads(text)["address"], target, wanted)
            finally:
                console.send_signal(signal.SIGTERM)
                console.wait()
        finally:
            cloud.send_signal(signal.SIGTERM)
            cloud.wait()


main()
