"""The HTTP interface of ClickHouse over its engine as a library: what clients of one database need, and no more.

A statement is in ?query= with its data in the body, or all of it in the body. Settings are URL parameters and count for
SELECT and INSERT. Bodies may be compressed, which the engine undoes itself. One login; no sessions, no TLS, no native
protocol. The port is written to standard output once it listens.
"""

import base64
import os
import queue
import re
import sys
import tempfile
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import chdb

CONNECTIONS = 4
NO_SETTINGS = {"query", "database", "default_format", "query_id", "user", "password", "wait_end_of_query"}
COMPRESSION = {"gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd", "lz4": "lz4"}
STATUS = {60: 404, 81: 404, 62: 400, 27: 400, 6: 400, 117: 400, 53: 400, 516: 403, 497: 403, 159: 408, 202: 503}
INSERT = re.compile(r"\s*INSERT\s+INTO\b", re.I)
SELECT = re.compile(r"\s*(SELECT|WITH)\b", re.I)
READS = re.compile(r"\s*\(*\s*(SELECT|WITH|SHOW|DESC|EXPLAIN|EXISTS)", re.I)
FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.I)

data_dir, port, user, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
bodies = os.path.join(data_dir, "bodies")
os.makedirs(bodies, exist_ok=True)
config = os.path.join(data_dir, "config.xml")
with open(config, "w") as file:
    # one node that is its own cluster, so that Distributed tables run
    file.write(
        "<clickhouse><tcp_port>9000</tcp_port><remote_servers><default><shard><replica><host>127.0.0.1</host>"
        "<port>9000</port></replica></shard></default></remote_servers></clickhouse>"
    )
connections = queue.LifoQueue()
for _ in range(CONNECTIONS):
    connections.put(chdb.connect("file:%s/store?config-file=%s" % (data_dir, config)))


def literal(value):
    return value if re.fullmatch(r"-?\d+(\.\d+)?", value) else "'%s'" % value.replace("\\", "\\\\").replace("'", "\\'")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body, code=0):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, b"Ok.\n")

    def login(self):
        given = self.headers.get("X-ClickHouse-User") or "default", self.headers.get("X-ClickHouse-Key") or ""
        basic = self.headers.get("Authorization", "")
        if basic.startswith("Basic "):
            given = tuple(base64.b64decode(basic[6:]).decode().split(":", 1))
        return given == (user, password)

    def do_POST(self):
        params = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.login():
            return self.answer(403, b"Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)\n", 516)
        connection = connections.get()
        try:
            result = self.run(connection, params, body)
        except Exception as error:
            text = str(error).strip()
            code = int((re.search(r"Code: (\d+)", text) or [0, 1002])[1])
            return self.answer(STATUS.get(code, 500), text.encode() + b"\n", code)
        finally:
            connections.put(connection)
        self.answer(200, result)

    def run(self, connection, params, body):
        sql = params.get("query", "")
        if not sql:
            sql, body = body.decode(), b""
        named = {name[6:]: value for name, value in params.items() if name.startswith("param_")}
        settings = {k: v for k, v in params.items() if k not in NO_SETTINGS and not k.startswith("param_")}
        clause = ", ".join("%s = %s" % (name, literal(value)) for name, value in settings.items())
        clause = " SETTINGS " + clause if clause else ""
        connection.query("USE `%s`" % params.get("database", "default").replace("`", "\\`"))
        if INSERT.match(sql) and FORMAT.search(sql):
            return self.insert(connection, sql, clause, body)
        # settings of a request hold for SELECT and INSERT only here, this one for all that a server would refuse
        if settings.get("readonly", "0") != "0" and not READS.match(sql):
            raise RuntimeError("Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)")
        chosen = FORMAT.search(sql)
        form = chosen.group(1) if chosen else params.get("default_format", "TabSeparated")
        if SELECT.match(sql):
            sql = FORMAT.sub("", sql).rstrip().rstrip(";") + ("" if " SETTINGS " in sql else clause)
        result = connection.query(sql, form, params=named) if named else connection.query(sql, form)
        return result.bytes() or b""

    def insert(self, connection, sql, clause, body):
        chosen = FORMAT.search(sql)
        handle, path = tempfile.mkstemp(dir=bodies)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
            packed = COMPRESSION.get(self.headers.get("Content-Encoding", ""))
            how = " COMPRESSION '%s'" % packed if packed else ""
            source = " FROM INFILE '%s'%s%s FORMAT %s" % (path, how, clause, chosen.group(1))
            connection.query(sql[: chosen.start()] + source)
        finally:
            os.unlink(path)
        return b""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # clients may leave before their answer


server = Server(("127.0.0.1", port), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
