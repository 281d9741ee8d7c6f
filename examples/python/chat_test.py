"""Tries the client against a real server, which is killed more than once on the way.

    python3 chat_test.py PATH_TO_PACKETBOAT
"""

import asyncio
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile

from packetboat import Client, Refused, Store, pause
from packetboat_wire import CLOSE_CODES, PREFACE, REJECT_CODES, Frames, encode, frame

OPEN = {"open": {}}
CHAT = "dm:alice:bob"


class Server:
    """A server in its own folder. It takes any port once, and the same one whenever it comes again."""

    def __init__(self, binary, folder, *flags):
        self.binary, self.folder, self.flags, self.port, self.process = binary, folder, flags, 0, None
        folder.mkdir()

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", str(self.folder / "data"),
                 *self.flags], stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        assert found, f"the server does not start: {line!r} {(self.folder / 'log').read_text()}"
        self.port = int(found[1])
        return self

    def end(self, how=signal.SIGKILL):
        if self.process:
            os.kill(self.process.pid, how)
            self.process.wait(20)
            self.process.stdout.close()
            self.process = None


class Person(Client):
    """A client that keeps a diary: what it got, the sessions it had, what it wrote."""

    def __init__(self, server, user, store, credential=OPEN, got=None, **more):
        self.got, self.sessions, self.wrote, self.verdicts = [] if got is None else got, [], [], []
        self.delivers, self.mute, self.deaf = 0, False, False
        self.looked = lambda: None  # is called after each packet that was handled
        super().__init__("127.0.0.1", server.port, user, credential, store, self.got.append, **more)
        self.task = self.loop.create_task(self.run())

    def _handle(self, name, body):
        if name == "Welcome":
            self.sessions.append(body)
        self.delivers += name == "Deliver"
        if not (name == "Accepted" and self.deaf):
            super()._handle(name, body)
        self.looked()

    def _write(self, name, message):
        self.wrote.append((name, message))
        if not (name == "Ack" and self.mute):
            super()._write(name, message)

    async def _session(self, ticket):
        self.verdicts.append(await super()._session(ticket))
        return self.verdicts[-1]

    def texts(self):
        return [entry["content"][4:].decode() for entry in self.got]

    def hellos(self):
        return [list(body["credential"])[0] for name, body in self.wrote if name == "Hello"]

    async def leave(self):
        self.close()
        await self.task


class Raw:
    """A connection without a client, for what a good client never does."""

    def __init__(self, server, user):
        self.sock = socket.create_connection(("127.0.0.1", server.port), 10)
        self.frames, self.packets = Frames(65536), []
        hello = {"user": user, "device": "raw", "credential": OPEN}
        self.sock.sendall(PREFACE + frame("Hello", hello))
        self.expect("Welcome")

    def expect(self, name):
        while True:
            while self.packets:
                found, body = self.packets.pop(0)
                if found == name:
                    return body
            data = self.sock.recv(65536)
            assert data, f"the stream ends without {name}"
            self.frames.data += data
            self.packets += list(self.frames)

    def send(self, chat, message_id, text):
        content = encode("Content", {"text": {"body": text}})
        self.sock.sendall(frame("Send", {"chat": chat, "message_id": message_id, "content": content}))


async def until(what, seconds=15):
    """Polls until `what()` is true, and gives what it gave."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not what():
        assert loop.time() < end, "it did not happen in time"
        await asyncio.sleep(0.005)
    return what()


async def refused(awaitable):
    try:
        await awaitable
    except Refused as error:
        return error.code
    return None


async def acknowledged(person, chat, seq):
    """Polls the server until it knows the cursor."""
    for _ in range(1000):
        if (await person.request("chat", chat=chat))["delivered"] == seq:
            return True
        await asyncio.sleep(0.005)
    return False


# The checks, in order. Each is given the world, and what it leaves there is for the next.

async def log_in(w):
    w.alice, w.bob = Person(w.server, "alice", w.store("alice")), Person(w.server, "bob", w.store("bob"))
    await until(lambda: w.alice.sessions and w.bob.sessions)
    assert w.alice.sessions[0]["new_device"] and w.alice.sessions[0]["ticket"]


async def send_and_receive(w):
    accepted = await asyncio.wait_for(w.alice.send(CHAT, "hello, Bob"), 10)
    assert accepted["seq"] == 1 and not accepted["duplicate"]
    await until(lambda: w.bob.got)
    entry = w.bob.got[0]
    assert (entry["seq"], entry["sender"], entry["at_ms"]) == (1, "alice", accepted["at_ms"])
    assert w.bob.texts() == ["hello, Bob"] and w.alice.got == []


async def acknowledge(w):
    assert await acknowledged(w.bob, CHAT, 1)
    assert await acknowledged(w.alice, CHAT, 1), "an own entry counts as had"


async def nothing_twice(w):
    await w.bob.leave()
    w.bob = Person(w.server, "bob", w.store("bob"))  # as after a restart of the app
    await until(lambda: w.bob.sessions)
    await w.alice.send(CHAT, "again")
    await until(lambda: w.bob.got)  # entries come in order: what is delivered twice would be first
    assert w.bob.texts() == ["again"] and not w.bob.sessions[0]["new_device"]


async def resume_by_ticket(w):
    await w.bob.leave()
    # This credential is of no use here, so it must have been the ticket.
    w.bob = Person(w.server, "bob", w.store("bob"), {"token": "none"})
    await until(lambda: w.bob.sessions)
    assert w.bob.hellos() == ["ticket"]
    await w.bob.leave()
    other = Person(w.server, "bob", Store(), {"token": "none"})
    assert await refused(other.task) == "WRONG_CREDENTIAL_KIND"


async def bad_ticket(w):
    store = w.store("bob")
    store.put("ticket", [b"no ticket".hex(), store.get("ticket")[1]])
    w.bob = Person(w.server, "bob", store)
    await until(lambda: w.bob.sessions)
    assert w.bob.hellos() == ["ticket", "open"] and w.bob.verdicts[0]["code"] == CLOSE_CODES["BAD_TICKET"]


async def stored_for_offline(w):
    for number in range(20):
        w.alice.send("dm:alice:carol", f"while you were out {number}")
    await until(lambda: not w.alice.store.outbox)
    carol = Person(w.server, "carol", Store())
    await until(lambda: len(carol.got) == 20)
    assert carol.texts() == [f"while you were out {number}" for number in range(20)]
    await carol.leave()


async def questions(w):
    page = await w.alice.request("history", chat=CHAT, edge={"after": 0}, limit=1)
    assert [entry["seq"] for entry in page["entries"]] == [1] and page["more"]
    page = await w.alice.request("history", chat="dm:alice:carol")
    assert [entry["seq"] for entry in page["entries"]] == list(range(1, 21)) and not page["more"]
    chats = (await w.alice.request("chats"))["chats"]
    assert [(chat["chat"], chat["head"]) for chat in chats] == [(CHAT, 2), ("dm:alice:carol", 20)]
    assert await refused(w.alice.request("chat", chat="group:none")) == "NO_SUCH_CHAT"


async def group(w):
    await w.alice.send("group:crew", {"group_created": {"name": "Crew", "members": ["bob"]}})
    await w.alice.send("group:crew", "all aboard")
    await until(lambda: w.bob.got and w.bob.texts()[-1] == "all aboard")
    assert await refused(w.bob.send("group:crew", {"group_renamed": {"name": "Mine"}})) == "NOT_ALLOWED"


async def hints(w):
    seen = []
    w.alice.on_hint = lambda name, body: seen.append((name, body))
    w.bob.signal(CHAT, "TYPING", b"...")
    w.bob.read(CHAT, 2)
    await until(lambda: any(name == "Signal" and body["sender"] == "bob" and body["data"] == b"..."
                            for name, body in seen))
    await until(lambda: any(name == "Notice" and body.get("cursor", {}).get("read") == 2 for name, body in seen))


async def duplicate(w):
    raw = Raw(w.server, "dave")
    raw.send("dm:bob:dave", b"0123456789abcdef", "once")
    first = raw.expect("Accepted")
    raw.send("dm:bob:dave", b"0123456789abcdef", "once")
    second = raw.expect("Accepted")
    assert not first["duplicate"] and second == {**first, "duplicate": True}
    raw.send("dm:bob:dave", b"0123456789abcdef", "other")
    assert raw.expect("Rejected")["verdict"]["code"] == REJECT_CODES["CONFLICT"]
    raw.sock.close()


async def too_large(w):
    bytes_max = w.alice.sessions[-1]["limits"]["max_content"]
    around = len(encode("Content", {"text": {"body": "x" * bytes_max}})) - bytes_max
    note = "dm:alice:alice"
    assert (await w.alice.send(note, "x" * (bytes_max - around)))["seq"] == 1
    assert await refused(w.alice.send(note, "x" * (bytes_max + 1 - around))) == "TOO_LARGE"
    sizes = [len(body["content"]) for name, body in w.alice.wrote if name == "Send"]
    assert max(sizes) == bytes_max and len(w.alice.sessions) == 1, "the client says so by itself"


async def own_entry_completes(w):
    w.alice.deaf = True  # as if the answer was lost with the connection
    answer = w.alice.send(CHAT, "stored, but not known to be")
    await until(lambda: w.bob.texts()[-1] == "stored, but not known to be")
    assert not answer.done() and w.alice.store.outbox
    w.alice._hang_up(w.alice.sock)
    accepted = await asyncio.wait_for(answer, 10)
    assert accepted["seq"] == w.bob.got[-1]["seq"] and accepted["duplicate"]
    assert not w.alice.store.outbox and w.alice.got == []
    assert await acknowledged(w.alice, CHAT, accepted["seq"])
    w.alice.deaf = False


async def wrong_checksum(w):
    raw = Raw(w.server, "dave")
    ping = bytearray(frame("Ping", {"token": 42}))
    ping[-1] ^= 1
    raw.sock.sendall(ping)
    verdict = raw.expect("Goodbye")
    assert (verdict["code"], verdict["retry"]) == (CLOSE_CODES["BAD_CHECKSUM"], "AT_ONCE")
    assert raw.sock.recv(1) == b"", "the server closes"
    raw.sock.close()


async def killed(server, person, left):
    """Kills the server at the very packet that leaves so many in the outbox. Whoever polls for that
    comes too late: a fast server answers them all in the meantime."""
    done = asyncio.get_running_loop().create_future()

    def look():
        if not done.done() and len(person.store.outbox) <= left:
            server.end()  # kill -9
            done.set_result(None)

    person.looked = look
    await asyncio.wait_for(done, 120)


async def kills(w, count=300):
    server = w.second = Server(w.binary, w.folder / "kills", "--set", "limits.sends=8",
                               "--set", "limits.retry_ms=300").start()
    alice_store, bob_store = w.store("alice-kills"), w.store("bob-kills")
    alice, bob = Person(server, "alice", alice_store), Person(server, "bob", bob_store)
    for number in range(count):
        alice.send(CHAT, f"message {number}")
    for kill, answered in enumerate((40, 130, 220)):
        await killed(server, alice, count - answered)
        assert alice_store.outbox, "with at most 8 unanswered sends, there are many still to send"
        if kill == 1:  # both apps die too, without a word, and come back with what they have stored
            for person in (alice, bob):
                person.task.cancel()
            await asyncio.gather(alice.task, bob.task, return_exceptions=True)
            alice_store, bob_store = w.store("alice-kills"), w.store("bob-kills")
            server.start()
            alice, bob = Person(server, "alice", alice_store), Person(server, "bob", bob_store, got=bob.got)
        else:
            server.start()
    await until(lambda: not alice_store.outbox and len(bob.got) >= count, 120)
    await alice.send(CHAT, "last")  # what came twice would come before it
    await until(lambda: bob.texts()[-1] == "last")
    assert bob.texts() == [f"message {number}" for number in range(count)] + ["last"]
    assert [entry["seq"] for entry in bob.got] == list(range(1, count + 2))
    assert await acknowledged(bob, CHAT, count + 1)
    log, after = [], 0
    while True:
        page = await bob.request("history", chat=CHAT, edge={"after": after}, limit=200)
        log += page["entries"]
        after = log[-1]["seq"]
        if not page["more"]:
            break
    assert log == bob.got and alice.got == []
    w.pair = alice, bob


async def delivered_twice(w):
    alice, bob = w.pair
    await bob.leave()
    bob = Person(w.second, "bob", bob.store)
    bob.mute = True  # acks nothing, so the server delivers again
    for number in range(3):
        alice.send(CHAT, f"echo {number}")
    await until(lambda: bob.delivers >= 6)
    assert bob.texts() == ["echo 0", "echo 1", "echo 2"]
    bob.mute = False
    assert await acknowledged(bob, CHAT, bob.got[-1]["seq"])  # what came again is acked again
    w.pair = alice, bob


async def shut_down(w):
    alice, bob = w.pair
    before = len(bob.sessions)
    w.second.end(signal.SIGTERM)
    await until(lambda: any(bob.verdicts))
    verdict = [v for v in bob.verdicts if v][-1]
    assert (verdict["code"], verdict["retry"]) == (CLOSE_CODES["SHUTTING_DOWN"], "LATER")
    waits = [pause(verdict, 0) for _ in range(100)]
    waits += [pause({**verdict, "retry": "UNSPECIFIED"}, 0) for _ in range(100)]
    after = verdict["retry_after_ms"] / 1000
    assert after <= min(waits) and max(waits) <= 2 * max(after, 0.5) and max(waits) > min(waits)
    w.second.start()
    await until(lambda: len(bob.sessions) > before)
    await alice.leave()
    await bob.leave()


async def heartbeat(w):
    quiet = Person(w.server, "erin", Store(), wanted={"heartbeat_ms": 1000})
    await until(lambda: [name for name, _ in quiet.wrote].count("Ping") >= 4)
    assert len(quiet.sessions) == 1 and quiet.sessions[0]["limits"]["heartbeat_ms"] == 1000
    await quiet.leave()


async def replaced(w):
    store = Store()
    one = Person(w.server, "frank", store)
    await until(lambda: one.sessions)
    two = Person(w.server, "frank", store)
    assert await refused(asyncio.wait_for(one.task, 10)) == "REPLACED"
    await until(lambda: two.sessions)
    await two.leave()


async def passwords(w):
    server = w.third = Server(w.binary, w.folder / "passwords", "--auth", "password")
    secret = server.folder / "secret"
    secret.write_text("open sesame\n")
    subprocess.run([w.binary, "user", "add", "ada", "--password-file", str(secret), "--data",
                    str(server.folder / "data")], check=True, capture_output=True)
    server.start()
    ada = Person(server, "ada", Store(), {"password": "open sesame"})
    await until(lambda: ada.sessions)
    await ada.leave()
    thief = Person(server, "ada", Store(), {"password": "open"})
    assert await refused(thief.task) == "BAD_CREDENTIAL" and len(thief.verdicts) == 1
    assert await refused(Person(server, "ada", Store(), OPEN).task) == "WRONG_CREDENTIAL_KIND"


async def tokens(w):
    key = w.folder / "key"
    key.write_text("a secret of thirty-two bytes, or more of them")
    server = w.fourth = Server(w.binary, w.folder / "tokens", "--auth", "token",
                               "--set", f"auth.token_key={key}").start()
    token = subprocess.run([w.binary, "token", "--key-file", str(key), "--user", "ada", "--ttl", "60"],
                           check=True, capture_output=True, text=True).stdout.strip()
    ada = Person(server, "ada", Store(), {"token": token})
    await until(lambda: ada.sessions)
    await ada.leave()
    assert await refused(Person(server, "eve", Store(), {"token": token}).task) == "BAD_CREDENTIAL"


class World:
    server = second = third = fourth = None

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def store(self, name):
        return Store(str(self.folder / f"{name}.db"))


async def run(w):
    passed = failed = 0
    for check in (log_in, send_and_receive, acknowledge, nothing_twice, resume_by_ticket, bad_ticket,
                  stored_for_offline, questions, group, hints, duplicate, too_large, own_entry_completes,
                  wrong_checksum, kills, delivered_twice, shut_down, heartbeat, replaced, passwords, tokens):
        try:
            await asyncio.wait_for(check(w), 240)
            passed += 1
            print(f"ok      {check.__name__}", flush=True)
        except Exception as error:  # the next checks shall run all the same
            failed += 1
            line = error.__traceback__
            while line.tb_next:
                line = line.tb_next
            print(f"FAILED  {check.__name__}: {error!r} at line {line.tb_lineno}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return failed


def main():
    with tempfile.TemporaryDirectory() as folder:
        w = World(os.path.abspath(sys.argv[1]), pathlib.Path(folder))
        w.server = Server(w.binary, w.folder / "first")
        try:
            w.server.start()
            failed = asyncio.run(asyncio.wait_for(run(w), 480))
        finally:
            for server in (w.server, w.second, w.third, w.fourth):
                if server:
                    server.end()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
