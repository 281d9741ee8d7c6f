"""A client for the Packetboat protocol, version 1, with nothing beside the standard library.

Written from SPEC.md alone; ids such as [X-7] are its sentences. The bytes are in packetboat_wire.py.
There is no TLS here: it needs the same bytes through ssl.SSLObject, or a tunnel.
"""

import asyncio
import json
import random
import secrets
import socket
import sqlite3
import time
import uuid

from packetboat_wire import (
    ALLOWED, CLOSE_CODES, HANDSHAKE_BODY_MAX, PREFACE, REJECT_CODES, Fault, Frames, encode, frame, is_chat)


class Refused(Exception):
    """A Rejected, a refused Response, or a Goodbye that forbids to come back. `verdict` says why."""

    def __init__(self, verdict, codes):
        self.verdict = verdict
        self.code = {n: name for name, n in codes.items()}.get(verdict["code"], str(verdict["code"]))
        super().__init__(f"{self.code}: {verdict['reason']}")


class Store:
    """What has to outlive the process (section 11), for one device of one user. `db` is open to the app:
    what `on_entry` writes into it is committed in one step with the cursor [X-9]."""

    def __init__(self, path=":memory:"):
        self.db = sqlite3.connect(path)
        self.db.executescript("""
            PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
            CREATE TABLE IF NOT EXISTS pb_meta (key TEXT PRIMARY KEY, value TEXT);
            CREATE TABLE IF NOT EXISTS pb_outbox (n INTEGER PRIMARY KEY, chat TEXT, id BLOB, content BLOB);
            CREATE TABLE IF NOT EXISTS pb_cursor (chat TEXT PRIMARY KEY, seq INTEGER);
            CREATE TABLE IF NOT EXISTS pb_own (chat TEXT, seq INTEGER, PRIMARY KEY (chat, seq));""")
        if self.get("device") is None:
            self.put("device", secrets.token_hex(16))
        rows = self.db.execute("SELECT chat, id, content FROM pb_outbox ORDER BY n")
        self.outbox = {(chat, id): content for chat, id, content in rows}  # a dict keeps its order

    def get(self, key):
        row = self.db.execute("SELECT value FROM pb_meta WHERE key = ?", (key,)).fetchone()
        return row and json.loads(row[0])

    def put(self, key, value):
        with self.db:
            self.db.execute("REPLACE INTO pb_meta VALUES (?, ?)", (key, json.dumps(value)))

    def cursor(self, chat):
        row = self.db.execute("SELECT seq FROM pb_cursor WHERE chat = ?", (chat,)).fetchone()
        return row[0] if row else 0

    def is_own(self, chat, seq):
        return self.db.execute("SELECT 1 FROM pb_own WHERE chat = ? AND seq = ?", (chat, seq)).fetchone() is not None

    def advance(self, chat, seq):
        """Everything up to `seq` is had, and own entries right behind it are too [X-7, X-8]."""
        while self.is_own(chat, seq + 1):
            seq += 1
        self.db.execute("REPLACE INTO pb_cursor VALUES (?, ?)", (chat, seq))
        self.db.execute("DELETE FROM pb_own WHERE chat = ? AND seq <= ?", (chat, seq))

    def drop(self, key):
        self.db.execute("DELETE FROM pb_outbox WHERE chat = ? AND id = ?", key)


def pause(verdict, n):
    """Seconds to wait before the next attempt, with full jitter [X-13 to X-15]."""
    bound = min(30.0, 0.5 * 2 ** min(n, 10))
    if verdict is None or (verdict["retry"] == "AT_ONCE" and n > 0):
        return random.uniform(0, bound)
    if verdict["retry"] == "AT_ONCE":
        return 0
    after = verdict["retry_after_ms"] / 1000
    return after + random.uniform(0, min(30.0, max(after, bound)))


class Client:
    """Make it in a running event loop, and run `run()` as a task: it connects, and comes back until
    `close()` or until the server says never. `credential` is {"open": {}}, {"password": "…"} or
    {"token": "…"}. `on_entry(entry)` is called once for each entry of others and of other devices of
    one's own; it must not block. `on_hint(name, body)` gets signals and notices."""

    def __init__(self, host, port, user, credential, store, on_entry, on_hint=None, wanted=None, start=None):
        self.address, self.user, self.credential, self.store = (host, port), user, credential, store
        self.on_entry, self.on_hint, self.wanted, self.start = on_entry, on_hint, wanted or {}, start
        self.loop = asyncio.get_running_loop()
        self.opened, self.stop, self.wake = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.questions = asyncio.Semaphore(16)
        self.sock = self.welcome = self.over = None
        self.answers, self.asked, self.next_id = {}, {}, 1  # futures of sends and of requests
        self.sent, self.held, self.ack_due, self.delivered, self.ack_timer = set(), set(), set(), 0, None

    # ---- for the app

    def send(self, chat, content, message_id=None):
        """Puts a message in the outbox. The future gives the Accepted, or raises Refused; to wait for it
        is optional, as the message is safe (in the store) when this returns [X-1]."""
        key = (chat, message_id or uuid.uuid4().bytes)
        if not is_chat(chat) or key in self.store.outbox:
            raise ValueError(f"no chat id, or a message id of the outbox: {key}")
        if isinstance(content, str):
            content = {"text": {"body": content}}
        if isinstance(content, dict):
            content = encode("Content", content)
        with self.store.db as db:
            db.execute("INSERT INTO pb_outbox (chat, id, content) VALUES (?, ?, ?)", (*key, content))
        self.store.outbox[key] = content
        self.answers[key] = self.loop.create_future()
        self._pump()
        return self.answers[key]

    async def request(self, operation, **body):
        """Asks, once a session is open: request("history", chat=…, edge={"before": 0}, limit=50)."""
        async with self.questions:
            await self.opened.wait()
            if self.over:
                raise self.over
            number, self.next_id = self.next_id, self.next_id + 1
            self.asked[number] = self.loop.create_future()
            self._write("Request", {"id": number, "operation": {operation: body}})
            try:
                result = await self.asked[number]
            finally:
                self.asked.pop(number, None)
        if "refused" in result:
            raise Refused(result["refused"], REJECT_CODES)
        return result[operation]

    def read(self, chat, seq):
        """Tells that the user has read up to `seq`."""
        self._write("Ack", {"cursors": [{"chat": chat, "read": seq}]})

    def signal(self, chat, kind, data=b""):
        self._write("Signal", {"chat": chat, "kind": kind, "data": data})

    def close(self):
        self.stop.set()
        self._flush_acks()
        self._goodbye("DONE", "NEVER", "the client is done")

    async def run(self):
        """Returns after close(), raises Refused when the server does not want this client back [X-12]."""
        n = 0
        while not self.stop.is_set():
            ticket = self._ticket()
            self.good = False
            verdict = await self._session(ticket)
            if verdict and 16 <= verdict["code"] <= 18 and ticket:
                self.store.put("ticket", None)  # [H-10]; the full credential is the change X-12 asks for
                verdict = {**verdict, "retry": "AT_ONCE"}
            if verdict and verdict["retry"] == "NEVER" and not self.stop.is_set():
                self.over = Refused(verdict, CLOSE_CODES)
                break
            n = 0 if self.good else n
            try:
                await asyncio.wait_for(self.stop.wait(), pause(verdict, n))
            except asyncio.TimeoutError:
                n += 1
        stopped, self.over = self.over, self.over or ConnectionError("the client is closed")
        self.opened.set()  # who waits to ask learns that it is over
        for future in self.answers.values():
            _fail(future, self.over)
        if stopped:
            raise stopped

    # ---- one connection

    def _ticket(self):
        ticket = self.store.get("ticket")
        return bytes.fromhex(ticket[0]) if ticket and time.time() < ticket[1] else None

    async def _session(self, ticket):
        """One connection, from connect to end. Returns the server's Goodbye, or None."""
        self.out, self.closing, self.welcome, self.sock = bytearray(PREFACE), False, None, None
        verdict, timer, tasks, broken = None, None, [], False
        self.last_sent = self.last_heard = self.loop.time()
        try:
            self.sock = await self._connect()
            timer = self.loop.call_later(15, self._goodbye, "HANDSHAKE_TIMEOUT", "LATER")
            self._write("Hello", {
                "user": self.user, "device": self.store.get("device"), "client": "packetboat.py 1",
                "credential": {"ticket": ticket} if ticket else self.credential,
                "wanted": self.wanted, "start": self.start})
            # Tell at once what is had, lest it is delivered again: all cursors, as no Ack is ever
            # answered. 25 of the longest keep to the limit of the handshake [H-2].
            cursors = self.store.db.execute("SELECT chat, seq FROM pb_cursor").fetchall()
            self._ack(cursors, 25)
            frames = Frames(HANDSHAKE_BODY_MAX)
            tasks.append(self.loop.create_task(self._writer(self.sock)))
            # Reading knows nothing of writing: a Goodbye is read also when writing has failed [C-8], and
            # reading goes on while writes are held back [L-2].
            while verdict is None:
                data = await self.loop.sock_recv(self.sock, 65536)
                if not data:
                    break
                self.last_heard = self.loop.time()
                if broken:
                    continue  # only until the server has closed, see _writer
                frames.data += data
                try:
                    for name, body in frames:
                        if name not in ALLOWED["client.open" if self.welcome else "client.hello_sent"]:
                            raise Fault("WRONG_STATE", name)
                        if name == "Goodbye":
                            verdict = body
                            break
                        if name == "Welcome":
                            frames.limit = body["limits"]["max_body"]
                            timer.cancel()
                            tasks.append(self.loop.create_task(self._heartbeat(body["limits"]["heartbeat_ms"] / 1000)))
                        self._handle(name, body)
                except Fault as fault:
                    self._goodbye(fault.code, "NEVER", fault.reason)
                    broken = True
        except (OSError, asyncio.TimeoutError):
            pass  # no session, or the end of it [C-9]
        finally:
            if timer:
                timer.cancel()
            for task in tasks:
                task.cancel()
            self.opened.clear()
            self.welcome, self.closing = None, True
            self.sent.clear()
            self.held.clear()
            if self.sock:
                self.sock.close()
            for future in self.asked.values():
                _fail(future, ConnectionError("the connection has ended"))
        return verdict

    async def _connect(self):
        error = OSError("no such host")
        for family, kind, protocol, _, address in await self.loop.getaddrinfo(*self.address, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind, protocol)
            sock.setblocking(False)
            try:
                await asyncio.wait_for(self.loop.sock_connect(sock, address), 15)
                return sock
            except (OSError, asyncio.TimeoutError) as failed:
                sock.close()
                error = failed
        raise error

    def _write(self, name, message):
        if self.sock is None or self.closing:
            return  # after a Goodbye nothing more [C-7]
        self.out += frame(name, message)
        self.last_sent = self.loop.time()
        self.wake.set()

    async def _writer(self, sock):
        try:
            while True:
                while self.out:
                    chunk, self.out = self.out, bytearray()
                    await self.loop.sock_sendall(sock, chunk)
                if self.closing:
                    # Only this way: to close with bytes unread would be a reset, which may overtake the Goodbye.
                    return sock.shutdown(socket.SHUT_WR)
                await self.wake.wait()
                self.wake.clear()
        except OSError:
            self.loop.call_later(1, self._hang_up, sock)  # what has come can be read until then [C-8]

    def _goodbye(self, code, retry, reason=""):
        self._write("Goodbye", {"code": CLOSE_CODES[code], "reason": reason[:80], "fault": "PEER", "retry": retry})
        self.closing = True
        self.loop.call_later(1, self._hang_up, self.sock)

    def _hang_up(self, sock):
        try:
            sock.shutdown(socket.SHUT_RDWR)  # ends a read that waits
        except (OSError, AttributeError):
            pass  # it is closed already, or never was

    async def _heartbeat(self, every):
        while True:
            # Not only when nothing was sent: who sends all the time would never see that nobody is there.
            quiet = self.loop.time() - min(self.last_sent, self.last_heard)
            if quiet < every:
                await asyncio.sleep(every - quiet)
                continue
            self.good, asked_at = True, self.loop.time()
            self._write("Ping", {"token": int(asked_at * 1000)})
            await asyncio.sleep(every / 2)
            if self.last_heard < asked_at:
                return self._goodbye("HEARTBEAT_TIMEOUT", "AT_ONCE")

    def _handle(self, name, body):
        self.good = self.good or name not in ("Welcome", "Ping", "Pong")
        if name == "Welcome":
            self.welcome = body
            if body["ticket"]:
                # Its end is by the server's clock.
                left = (body["ticket_expires_ms"] - body["now_ms"]) / 1000
                self.store.put("ticket", [body["ticket"].hex(), time.time() + left])
            self.opened.set()
            self._pump()  # the whole outbox, in order
        elif name == "Ping":
            self._write("Pong", body)
        elif name == "Deliver":
            self._deliver(body)
        elif name in ("Accepted", "Rejected"):
            self._answered(name, body)
        elif name == "Response" and body["id"] in self.asked:
            if not self.asked[body["id"]].done():
                self.asked[body["id"]].set_result(body["result"])
        elif name in ("Signal", "Notice") and self.on_hint:
            self.on_hint(name, body)

    # ---- sending

    def _pump(self):
        """Sends what of the outbox is not on its way, as far as the server's limits allow."""
        if not self.welcome:
            return
        limits, large = self.welcome["limits"], []
        for key, content in self.store.outbox.items():
            if len(self.sent) >= limits["sends"]:
                break
            if key in self.sent or key[0] in self.held:
                continue
            if len(content) + 1024 > limits["max_body"]:
                large.append(key)  # the server would not reject it, but close, on every connection to come
                continue
            self.sent.add(key)
            self._write("Send", {"chat": key[0], "message_id": key[1], "content": content})
        for chat, message_id in large:
            verdict = {"code": REJECT_CODES["TOO_LARGE"], "reason": "over max_content", "retry": "NEVER"}
            self._answered("Rejected", {"chat": chat, "message_id": message_id, "verdict": verdict})

    def _answered(self, name, body):
        key = (body["chat"], body["message_id"])
        if key not in self.store.outbox:
            return
        if name == "Rejected" and body["verdict"]["retry"] != "NEVER":
            # Later ones of the chat wait with it, to keep their order; those on their way do not.
            self.sent.discard(key)
            self.held.add(key[0])
            self.loop.call_later(max(body["verdict"]["retry_after_ms"], 100) / 1000, self._release, key[0])
            return
        with self.store.db:
            self.store.drop(key)
            cursor = self.store.cursor(key[0])
            if name == "Accepted" and body["seq"] > cursor:
                self.store.db.execute("INSERT OR IGNORE INTO pb_own VALUES (?, ?)", (key[0], body["seq"]))
                self.store.advance(key[0], cursor)
        if self.store.cursor(key[0]) > cursor:
            self._ack_soon(key[0])
        self._settle(key, body)

    def _release(self, chat):
        self.held.discard(chat)
        self._pump()

    def _settle(self, key, body):
        del self.store.outbox[key]
        self.sent.discard(key)
        future = self.answers.pop(key, None)
        if "verdict" in body:
            _fail(future, Refused(body["verdict"], REJECT_CODES))
        elif future and not future.done():
            future.set_result(body)
        self._pump()

    # ---- receiving

    def _deliver(self, entry):
        chat, seq, key = entry["chat"], entry["seq"], (entry["chat"], entry["message_id"])
        done = entry["sender"] == self.user and key in self.store.outbox  # as good as Accepted
        with self.store.db:  # with what on_entry writes there, in one step
            if done:
                self.store.drop(key)
            if seq > self.store.cursor(chat):
                if not done and not self.store.is_own(chat, seq):
                    self.on_entry(entry)
                self.store.advance(chat, seq)
        if done:
            self._settle(key, entry)
        self.delivered += 1
        self._ack_soon(chat)  # also what was had before: the server sends it again until it is told

    def _ack_soon(self, chat):
        self.ack_due.add(chat)
        if self.welcome and self.delivered * 4 >= self.welcome["limits"]["window"]:
            self._flush_acks()
        elif not self.ack_timer:
            self.ack_timer = self.loop.call_later(0.2, self._flush_acks)  # [T-5]

    def _flush_acks(self):
        if self.ack_timer:
            self.ack_timer.cancel()
        self._ack([(chat, self.store.cursor(chat)) for chat in self.ack_due], 256)
        self.ack_due, self.delivered, self.ack_timer = set(), 0, None

    def _ack(self, cursors, at_most):
        for at in range(0, len(cursors), at_most):
            part = [{"chat": chat, "delivered": seq} for chat, seq in cursors[at:at + at_most] if seq]
            self._write("Ack", {"cursors": part})


def _fail(future, error):
    if future and not future.done():
        future.set_exception(error)
        future.exception()  # nobody has to wait for it, and asyncio shall not complain
