"""Chromium through chromedriver, in the W3C WebDriver protocol: only what the tests of the page
need.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request


class Failure(Exception):
    """What the browser refused."""


class Browser:
    """One window; a context manager, since chromedriver must not stay behind."""

    def __init__(self, width=1280, height=900, downloads=None):
        self.driver = subprocess.Popen(
            [shutil.which("chromedriver"), "--port=0"], stdout=subprocess.PIPE, text=True
        )
        for line in self.driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                break
        else:
            raise Failure("chromedriver does not start")
        self.base = "http://127.0.0.1:" + found.group(1)
        arguments = ["--headless=new", "--disable-gpu", f"--window-size={width},{height}"]
        if os.getuid() == 0:
            arguments.append("--no-sandbox")
        options = {"args": arguments}
        if downloads:
            options["prefs"] = {
                "download.default_directory": downloads,
                "profile.default_content_setting_values.automatic_downloads": 1,
            }
        self.session = ""
        self.session = (
            "/session/"
            + self.send(
                "POST",
                "/session",
                {
                    "capabilities": {
                        "alwaysMatch": {
                            "goog:chromeOptions": options,
                            "goog:loggingPrefs": {"browser": "ALL"},
                        }
                    }
                },
            )["sessionId"]
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.send("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()

    def send(self, method, path, body=None):
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(
            self.base + self.session + path,
            data,
            {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise Failure(f"{method} {path}: {json.load(error)['value']['message']}") from error

    def open(self, path):
        self.send("POST", "/url", {"url": "file://" + os.path.abspath(path)})

    def run(self, script, *arguments):
        return self.send("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script):
        """Until the expression holds."""
        self.send("POST", "/timeouts", {"script": 60000})
        self.send(
            "POST",
            "/execute/async",
            {
                "script": (
                    f"""
            const done = arguments[arguments.length - 1];
            (function look() {{ ({script}) ? done(true) : setTimeout(look, 50); }})();"""
                ),
                "args": [],
            },
        )

    def find(self, selector):
        return list(
            self.send("POST", "/element", {"using": "css selector", "value": selector}).values()
        )[0]

    def click(self, selector):
        self.send("POST", f"/element/{self.find(selector)}/click")

    def press(self, selector, keys):
        self.send("POST", f"/element/{self.find(selector)}/value", {"text": keys})

    def chrome(self, command, **parameters):
        return self.send("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def phone(self, width=390, height=844):
        self.chrome(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2,
            mobile=True,
        )

    def prefer(self, scheme):
        self.chrome(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def screenshot(self, path, whole=True):
        picture = self.chrome("Page.captureScreenshot", format="png", captureBeyondViewport=whole)[
            "data"
        ]
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture))

    def pdf(self):
        return base64.b64decode(self.send("POST", "/print"))

    def errors(self):
        return [
            entry["message"]
            for entry in self.send("POST", "/se/log", {"type": "browser"})
            if entry["level"] == "SEVERE"
        ]
