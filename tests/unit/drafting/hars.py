"""Small recordings as browsers and a proxy write them."""

import base64
import json
from datetime import UTC, datetime, timedelta

BEGAN = datetime(2026, 11, 3, 9, tzinfo=UTC)
HOST = "https://notes.example"


def pairs(given):
    return [{"name": name, "value": value} for name, value in given.items()]


class Recording:
    """A HAR of one maker: `chrome`, `firefox` or `mitmproxy`.

    Each request is a second after the one before.
    """

    def __init__(self, maker="chrome", host=HOST):
        self.maker = maker
        self.host = host
        self.entries = []
        self.now = BEGAN

    def add(self, method, path, status=200, body=None, *, sent=None, form=None, **more):
        """Adds a request and its answer.

        Args:
            method, path: of the request; the path may be a whole address.
            status, body: of the answer; a dict or a list is JSON, else HTML.
            sent: JSON that is sent.
            form: fields that are sent.
            more: `headers`, `answered` (headers), `kind`, `after` (seconds), `mime`.
        """
        self.now += timedelta(seconds=more.get("after", 1))
        request = self._request(method, path, sent, form, more.get("headers", {}))
        entry = {
            "startedDateTime": self.now.isoformat().replace("+00:00", "Z"),
            "time": 12.5,
            "request": request,
            "response": self._response(status, body, more),
            "cache": {},
            "timings": {"send": 0, "wait": 12, "receive": 0.5},
        }
        if self.maker == "chrome":
            entry["_resourceType"] = more.get("kind", "fetch")
            entry["_initiator"] = {"type": "script"}
        if messages := more.get("messages"):
            entry["_webSocketMessages"] = messages
        self.entries.append(entry)
        return self

    def _request(self, method, path, sent, form, headers):
        url = path if "://" in path else self.host + path
        own = dict(headers)
        if self.maker == "chrome":
            own = {":authority": "notes.example", ":method": method, ":path": path, **own}
        request = {
            "method": method,
            "url": url,
            "httpVersion": "http/2.0" if self.maker == "chrome" else "HTTP/1.1",
            "headers": pairs(own),
            "cookies": [],
            "queryString": [],
            "headersSize": -1,
            "bodySize": 0,
        }
        if sent is not None:
            request["postData"] = {"mimeType": "application/json", "text": json.dumps(sent)}
        if form is not None:
            mime = "application/x-www-form-urlencoded"
            text = "&".join(f"{name}={value}" for name, value in form.items())
            if self.maker == "firefox":
                text = f"Content-Type: {mime}\r\nContent-Length: {len(text)}\r\n\r\n{text}"
            request["postData"] = {"mimeType": mime, "text": text, "params": pairs(form)}
        return request

    def _response(self, status, body, more):
        is_json = isinstance(body, dict | list)
        mime = more.get("mime", "application/json" if is_json else "text/html; charset=utf-8")
        text = json.dumps(body) if is_json else body
        content = {"size": len(text or ""), "mimeType": mime}
        if text is not None and self.maker == "mitmproxy":
            content |= {"text": base64.b64encode(text.encode()).decode(), "encoding": "base64"}
        elif text is not None:
            content["text"] = text
        elif self.maker == "firefox":
            content["comment"] = "Response bodies are not included."
        answered = more.get("answered", {})
        named = {"Content-Type": mime, **answered}
        return {
            "status": status,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "headers": pairs(named if text is not None else answered),
            "cookies": [],
            "content": content,
            "redirectURL": answered.get("Location", ""),
            "headersSize": -1,
            "bodySize": -1,
        }

    @property
    def document(self):
        log = {"version": "1.2", "creator": {"name": self.maker, "version": "1"}, "pages": []}
        return {"log": {**log, "entries": self.entries}}

    @property
    def raw(self):
        return json.dumps(self.document).encode()
