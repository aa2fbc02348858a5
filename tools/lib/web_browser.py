# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""A headless Chromium, driven by its own protocol over a WebSocket, without a library."""

import base64
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import time
import urllib.request
from pathlib import Path

START_SECONDS = 120
ANSWER_SECONDS = 180
# Rounds of the Tab key after which a page counts as endless.
TABS = 400


def find():
    """The path of Chromium; installs Debian's package where there is none. None where that cannot be had."""
    if shutil.which("chromium") is None:
        prepare = Path(__file__).resolve().parent / "prepare.sh"
        subprocess.run(["bash", "-c", '. "$1" && install_missing chromium', "prepare", str(prepare)])
    return shutil.which("chromium")


class Socket:
    """A WebSocket (RFC 6455) as a client has one: text messages, in either direction."""

    def __init__(self, port, path):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self._fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(f"the browser refuses: {head[:200]!r}")

    def _fill(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise RuntimeError("the browser has closed the connection")
        self.buffer += data

    def _take(self, count):
        while len(self.buffer) < count:
            self._fill()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def send(self, text):
        data = text.encode()
        size = len(data)
        if size < 126:
            head = bytes([0x81, 0x80 | size])
        elif size < 1 << 16:
            head = bytes([0x81, 0x80 | 126]) + struct.pack(">H", size)
        else:
            head = bytes([0x81, 0x80 | 127]) + struct.pack(">Q", size)
        # A mask of zeros masks nothing, and is one.
        self.socket.sendall(head + bytes(4) + data)

    def receive(self, seconds):
        """The next message; None where none comes in time."""
        whole = b""
        while True:
            if not self.buffer and not select.select([self.socket], [], [], seconds)[0]:
                return None
            first, second = self._take(2)
            size = second & 0x7F
            if size == 126:
                size, = struct.unpack(">H", self._take(2))
            elif size == 127:
                size, = struct.unpack(">Q", self._take(8))
            data = self._take(size)
            if first & 0x0F in (0, 1):
                whole += data
                if first & 0x80:
                    return whole.decode()

    def close(self):
        self.socket.close()


class Browser:
    """One page of a browser of its own."""

    def __init__(self, binary, folder):
        self.log = open(folder / "chromium.log", "wb")
        self.socket, self.last, self.events = None, 0, []
        profile = folder / "chromium"
        self.process = subprocess.Popen(
            [binary, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--no-first-run", "--disable-background-networking", "--disable-extensions", "--force-color-profile=srgb",
             f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )
        try:
            self.connect(profile / "DevToolsActivePort")
        except BaseException:
            self.close()
            raise

    def connect(self, port_file):
        """To the first page, once the browser has written where it listens."""
        deadline = time.monotonic() + START_SECONDS
        while not (port_file.exists() and port_file.read_text().strip()):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError("the browser does not start")
            time.sleep(0.05)
        port = int(port_file.read_text().splitlines()[0])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=ANSWER_SECONDS) as answer:
            page = next(entry for entry in json.load(answer) if entry["type"] == "page")
        self.socket = Socket(port, "/" + page["webSocketDebuggerUrl"].split("/", 3)[3])
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            self.call(f"{domain}.enable")

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def call(self, method, **parameters):
        self.last += 1
        number = self.last
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            text = self.socket.receive(deadline - time.monotonic())
            if text is None:
                break
            message = json.loads(text)
            if message.get("id") != number:
                self.events.append(message)
                continue
            if "error" in message:
                raise RuntimeError(f"{method}: {message['error']}")
            return message["result"]
        raise RuntimeError(f"{method}: no answer")

    def wait(self, name):
        """Waits for an event of the page, which may have come before."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while not any(event.get("method") == name for event in self.events):
            text = self.socket.receive(max(0, deadline - time.monotonic()))
            if text is None:
                raise RuntimeError(f"{name} does not come")
            self.events.append(json.loads(text))

    def open(self, url):
        """Loads a page; returns its status."""
        self.events = []
        loader = self.call("Page.navigate", url=url).get("loaderId")
        self.wait("Page.loadEventFired")
        self.events = self._since(loader)
        answers = [event["params"]["response"] for event in self.events
                   if event.get("method") == "Network.responseReceived" and event["params"]["type"] == "Document"]
        return answers[-1]["status"] if answers else None

    def _since(self, loader):
        """What is of a page: of what came before it was there, only its own answer. The page before it may complain
        until then."""
        for place, event in enumerate(self.events):
            values = event.get("params", {})
            if event.get("method") == "Page.frameNavigated" and values["frame"].get("loaderId") == loader:
                before = [event for event in self.events[:place] if event.get("params", {}).get("loaderId") == loader]
                return before + self.events[place:]
        return self.events

    def complaints(self, expected=200):
        """What the browser found wrong since the page was opened: errors, and breaches of its policy.

        That a page is an error itself is no finding where it is expected to be one."""
        found = []
        for event in self.events:
            name, values = event.get("method"), event.get("params", {})
            if name == "Runtime.exceptionThrown":
                found.append(values["exceptionDetails"].get("text", "an exception"))
            elif name == "Runtime.consoleAPICalled" and values["type"] in ("error", "warning"):
                found.append(f"console: {values['args'][:1]}")
            elif name == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
                if expected < 400 or f"status of {expected}" not in values["entry"]["text"]:
                    found.append(values["entry"]["text"])
            elif name == "Audits.issueAdded":
                found.append(f"issue: {values['issue']['code']} {json.dumps(values['issue']['details'])[:200]}")
            elif name == "Network.loadingFailed" and not values.get("canceled"):
                found.append(f"not loaded: {values.get('errorText')} {values.get('blockedReason', '')}")
        return found

    def evaluate(self, expression):
        """The value of an expression in the page; promises are waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        return answer["result"].get("value")

    def size(self, width, height=900, scheme="light"):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def press(self, key, code):
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def picture(self, path):
        """The whole page as a picture."""
        content = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": content["width"], "height": min(content["height"], 6000), "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def walk(self):
        """Goes through the page by the Tab key. Returns what can be reached and is not, and what shows no focus."""
        self.evaluate("document.activeElement.blur(); window.seen = new Set(); 0")
        bare = []
        for _ in range(TABS):
            self.press("Tab", 9)
            state = self.evaluate(STEP)
            if state is None:
                break
            if state:
                bare.append(state)
        return self.evaluate(MISSED), bare


# One step: marks what has the focus. null at the end of the round, the element where its focus cannot be seen.
STEP = """(() => {
    const at = document.activeElement;
    if (!at || at === document.body || at === document.documentElement || window.seen.has(at)) return null;
    window.seen.add(at);
    const style = getComputedStyle(at), box = at.getBoundingClientRect();
    const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    const inside = box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight
        && box.right > 0 && box.left < innerWidth;
    return outlined && inside ? '' : at.outerHTML.slice(0, 160);
})()"""
MISSED = """[...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
    .filter(one => one.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true}))
    .filter(one => !one.closest('details:not([open])') || one.tagName === 'SUMMARY')
    .filter(one => !window.seen.has(one)).map(one => one.outerHTML.slice(0, 160))"""
