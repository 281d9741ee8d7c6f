"""Replays the golden vectors (SPEC.md, section 14) against packetboat_wire.py.

    python3 vectors.py FOLDER_OF_THE_TSV_FILES
"""

import json
import pathlib
import re
import sys

from packetboat_wire import ALLOWED, PREFACE, Fault, Frames, decode, encode, frame, is_chat, is_user

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
NOTHING_BESIDE = decode("Context", b"")
ALTERING = ("edited", "recalled", "reacted", "pinned")
# Kinds that name somebody.
NAMING = ("room_moderators", "room_muted", "members_added", "members_removed", "roles_given", "members_muted")


def vectors(folder):
    for path in sorted(pathlib.Path(folder).glob("*.tsv")):
        for line in path.read_text("utf-8").splitlines():
            if not line.startswith("#"):
                name, reads, limit, verdict, hexed, meaning = line.split("\t")
                yield name, reads, int(limit), verdict, bytes.fromhex(hexed), meaning


def text(value):
    """The JSON of a meaning, as text: compact, keys sorted, bytes in hex."""
    return json.dumps(value, default=bytes.hex, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read_packets(data, limit, preface):
    """(verdict, packets as dicts, canonical bytes of them)."""
    packets, wire = [], b""
    if preface:
        if data[:8] != PREFACE[:len(data)]:
            return "close BAD_PREFACE", packets, wire
        wire, data = PREFACE[:len(data)], data[8:]
    frames = Frames(limit)
    frames.data += data
    try:
        for name, body in frames:
            packets.append({name: body})
            wire += frame(name, body)
    except Fault as fault:
        return "close " + fault.code, packets, wire
    if frames.data or not (packets or frames.skipped):
        return "more", packets, wire
    return ("ok" if packets else "skip"), packets, wire


def is_short(text, most):
    return text is None or (len(text.encode()) <= most and not CONTROL.search(text))


def is_context(kind, context):
    if context is None:
        return True
    mentions, origin = context["mentions"], context["forwarded"]
    good = context["expires_after_ms"] == 0 or 1000 <= context["expires_after_ms"] <= 31_622_400_000
    good = good and kind in ("text", "data", "file_sent") and len(set(mentions)) == len(mentions) and all(map(is_user, mentions))
    if origin is None or not any(origin.values()):
        return good
    return good and is_chat(origin["chat"]) and is_user(origin["sender"]) and origin["seq"] > 0


def judge_alteration(kind, body, size):
    if body is None:
        return "reject UNSUPPORTED"
    if not body["seq"]:
        return "reject INVALID"
    if kind == "edited":
        if body["new"] is None:
            return "reject UNSUPPORTED"
        if size > 16384:
            return "reject TOO_LARGE"
    if kind == "reacted" and not (body["reaction"] and is_short(body["reaction"], 64)):
        return "reject INVALID"
    return "ok"


def judge_room(kind, body):
    if kind == "room_set" and all(value is None for value in body.values()):
        return "reject EMPTY"
    good = body["name"] is None or (body["name"] and is_short(body["name"], 128))
    good = good and is_short(body["topic"], 512) and (body["keep"] or 0) <= 1000 and (body["slow_ms"] or 0) <= 3_600_000
    return "ok" if good and (kind == "room_opened" or body["keep"] != 0) else "reject INVALID"


def judge_file(body):
    if not body["size"]:
        return "reject EMPTY"
    name = body["name"]
    good = name and is_short(name, 255) and not set(name) & set("/\\") and name not in (".", "..")
    good = good and re.fullmatch("[ -~]{1,128}", body["media_type"]) and len(body["caption"].encode()) <= 4096
    good = good and len(body["file"]) == 16 and len(body["sha256"]) == 32
    return "ok" if good and (not body["from"] or is_chat(body["from"])) else "reject INVALID"


def judge_content(data, limit):
    """What a server says of a content, by E-1 to E-4. A client needs none of it: the server tells."""
    if len(data) > limit:
        return "reject TOO_LARGE", None
    if not data:
        return "reject EMPTY", None
    try:
        content = decode("Content", data)
    except Fault:
        return "reject INVALID", None
    if content is None:
        return "reject UNSUPPORTED", None
    context = content.get("context")
    if context == NOTHING_BESIDE:
        del content["context"]
    (kind, body), = ((kind, body) for kind, body in content.items() if kind != "context")
    if kind == "erased" or not is_context(kind, context):
        return "reject INVALID", None
    if kind in ALTERING:
        return judge_alteration(kind, body, len(data)), content
    users = body.get("users", body.get("members", []))
    if kind == "roles_given" and body["role"] not in ("MEMBER", "ADMIN"):
        return "reject INVALID", None
    if (kind in ("text", "data") and not body["body"]) or (kind in NAMING and not users):
        return "reject EMPTY", None
    if kind == "group_described" and body["topic"] is None and body["avatar"] is None:
        return "reject EMPTY", None
    good = len(set(users)) == len(users) and all(map(is_user, users))
    if kind == "data":
        good = re.fullmatch("[ -~]{1,128}", body["media_type"])
    elif kind == "member_left":
        good = not body["new_owner"] or is_user(body["new_owner"])
    elif kind == "owner_changed":
        good = is_user(body["user"])
    elif kind in ("room_opened", "room_set"):
        return judge_room(kind, body), content
    elif kind == "file_sent":
        return judge_file(body), content
    elif kind == "rules_set":
        good = body["rules"]["join_rule"] != "UNSPECIFIED"
    elif kind == "group_described":
        good = is_short(body["topic"], 512) and is_short(body["avatar"], 256)
    elif "name" in body:
        good = good and 1 <= len(body["name"].encode()) <= 128 and not CONTROL.search(body["name"])
    return ("ok", content) if good else ("reject INVALID", None)


def judge_id(reads, data):
    if reads == "message_id":
        return ("ok", data) if len(data) == 16 else ("bad", None)
    try:
        good = (is_chat if reads == "chat" else is_user)(data.decode())
    except UnicodeDecodeError:
        good = False
    return ("ok", data.decode()) if good else ("bad", None)


def judge(reads, limit, data):
    """(verdict, meaning, canonical bytes), as this codec sees it. The verdict `ok` stands for `canonical` too."""
    if reads == "content":
        verdict, value = judge_content(data, limit)
        return verdict, value, encode("Content", value) if value else None
    if reads in ("user", "device", "chat", "message_id"):
        verdict, value = judge_id(reads, data)
        return verdict, value, data
    verdict, packets, wire = read_packets(data, limit, preface=reads == "stream")
    if reads == "stream":
        return verdict, packets, wire
    if reads in ALLOWED and packets and not ALLOWED[reads] & set(packets[0]):
        verdict = "close WRONG_STATE"
    return verdict, packets[0] if packets else None, wire


def fault_of(name, reads, limit, verdict, data, meaning):
    """What this codec gets wrong of a vector, or None."""
    said, value, wire = judge(reads, limit, data)
    if said != ("ok" if verdict == "canonical" else verdict):
        return f"says {said}, not {verdict}"
    if verdict in ("canonical", "ok") or verdict == "close WRONG_STATE":
        if text(value) != meaning or value is None:
            return f"reads {text(value)}, not {meaning}"
    if verdict == "canonical" and wire != data:
        return f"writes {wire.hex()}, not {data.hex()}"
    if verdict == "ok" and reads in ("frame", "content") and text(judge(reads, limit, wire)[1]) != meaning:
        return "does not read again what it writes"
    return None


def main():
    passed = failed = 0
    for vector in vectors(sys.argv[1]):
        fault = fault_of(*vector)
        if fault:
            failed += 1
            print(f"{vector[0]}: {fault}"[:500])
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
