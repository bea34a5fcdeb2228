# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""An object store on this machine that speaks as much S3 as a store needs.

Each bucket is a folder, so that a test can look at what is in it and damage it.
``python buckets.py folder`` serves the buckets of a folder, and prints its address.
"""

import hashlib
import os
import re
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4
from xml.sax.saxutils import escape, unescape


class S3(BaseHTTPRequestHandler):
    """Answers of the server; it believes whoever asks."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    root: Path

    def log_message(self, *args):
        """Say nothing."""

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except ConnectionError:  # who asked was killed
            self.close_connection = True

    def answer(self):
        size = int(self.headers.get("Content-Length", 0))
        self.body = self.rfile.read(size)
        if len(self.body) < size:
            raise ConnectionError
        url = urlsplit(self.path)
        bucket, _, self.key = unquote(url.path).strip("/").partition("/")
        self.bucket = self.root / bucket
        self.asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if not self.bucket.is_dir():
            self.reply(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        elif self.command == "POST" and url.query.startswith("delete"):
            self.delete_some()
        elif self.command == "GET" and not self.key:
            self.list()
        else:
            getattr(self, self.command.lower(), self.refuse)()

    def reply(self, code, content=b"", **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def put(self):
        path = self.bucket / self.key
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.root / uuid4().hex
        unfinished.write_bytes(self.body)
        try:
            if self.headers.get("If-None-Match") == "*":
                os.link(unfinished, path)
            else:
                os.replace(unfinished, path)
        except FileExistsError:
            self.reply(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        else:
            self.reply(200, ETag=etag(self.body))
        finally:
            unfinished.unlink(missing_ok=True)

    def get(self):
        try:
            content = (self.bucket / self.key).read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            return self.reply(404, b"<Error><Code>NoSuchKey</Code></Error>")
        known = {"ETag": etag(content), "Last_Modified": self.date_time_string()}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            return self.reply(200, content, **known)
        first, last = int(wanted[1]), int(wanted[2] or len(content) - 1)
        part = content[first : last + 1]
        said = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
        return self.reply(206, part, Content_Range=said, **known)

    head = get

    def refuse(self):
        self.reply(501)

    def list(self):
        prefix, deep = self.asked.get("prefix", ""), "delimiter" not in self.asked
        files = (path for path in self.bucket.rglob("*") if path.is_file())
        keys = (path.relative_to(self.bucket).as_posix() for path in files)
        after = self.asked.get("start-after", "")
        found = sorted(
            key
            for key in keys
            if key.startswith(prefix)
            and key > after
            and (deep or "/" not in key[len(prefix) :])
        )
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key>"
            f"<Size>{(self.bucket / key).stat().st_size}</Size>"
            "<LastModified>2026-11-01T00:00:00.000Z</LastModified></Contents>"
            for key in found
        )
        page = f"<ListBucketResult>{contents}</ListBucketResult>"
        self.reply(200, page.encode())

    def delete(self):
        (self.bucket / self.key).unlink(missing_ok=True)
        self.reply(204)

    def delete_some(self):
        keys = re.findall(r"<Key>.*?</Key>", self.body.decode())
        for key in keys:
            (self.bucket / unescape(key[5:-6])).unlink(missing_ok=True)
        deleted = "".join(f"<Deleted>{key}</Deleted>" for key in keys)
        self.reply(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())


def etag(content):
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


@contextmanager
def serve(root, kind=S3):
    """Serve the buckets of a folder; give the address."""
    handler = type("Handler", (kind,), {"root": Path(root)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def environment(address):
    """Return the variables by which clients find the server."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "NO_PROXY": "127.0.0.1",
    }


if __name__ == "__main__":
    with serve(sys.argv[1]) as address:
        print(address, flush=True)
        sys.stdin.read()
