"""The bytes of the Packetboat protocol, version 1: its messages, ids and frames.

Written from SPEC.md alone; ids such as [P-4] are its sentences. It is one table of all messages, and a
protobuf reader and writer that go by it. No sockets here: see packetboat.py.
"""

import collections
import re
import zlib

PREFACE = b"PKTBOAT\x01"
HANDSHAKE_BODY_MAX = 4096  # both ways, until the Welcome [F-7]

CLOSE_CODES = dict(
    BAD_PREFACE=1, BAD_FRAME=2, BAD_CHECKSUM=3, FRAME_TOO_LARGE=4, UNKNOWN_KIND=5, BAD_BODY=6,
    WRONG_STATE=7, LIMITS_TOO_LOW=8, BAD_CREDENTIAL=16, BAD_TICKET=17, WRONG_CREDENTIAL_KIND=18, TOO_MANY_DEVICES=19,
    ANOTHER_DEVICE=20,
    HANDSHAKE_TIMEOUT=32, HEARTBEAT_TIMEOUT=33, ACK_TIMEOUT=34, RATE_LIMITED=35, REPLACED=36,
    LOGGED_OUT=37, DISPLACED=38,
    SHUTTING_DOWN=48, SERVER_FULL=49, INTERNAL=50, DONE=64)
REJECT_CODES = dict(
    INVALID=1, EMPTY=2, TOO_LARGE=3, CONFLICT=4, NO_SUCH_CHAT=5, UNKNOWN_USER=6, NOT_ALLOWED=7,
    ALREADY_EXISTS=8, UNSUPPORTED=9, LIMIT_REACHED=10, MEMBER_MISMATCH=11, OWNER_NEEDED=12, BLOCKED=19,
    NO_KEYS=22,
    STORE_FULL=32, RATE_LIMITED=33, UNAVAILABLE=34)

# Kind: name of the packet, message of its body, who may send it.
KINDS = {
    0x01: ("Hello", "Hello", "client"), 0x02: ("Welcome", "Welcome", "server"),
    0x03: ("Goodbye", "Verdict", "both"), 0x04: ("Ping", "Ping", "both"), 0x05: ("Pong", "Pong", "both"),
    0x10: ("Send", "Send", "client"), 0x11: ("Accepted", "Accepted", "server"),
    0x12: ("Rejected", "Rejected", "server"), 0x13: ("Deliver", "Entry", "server"),
    0x14: ("Ack", "Ack", "client"), 0x15: ("Signal", "Signal", "both"), 0x16: ("Notice", "Notice", "server"),
    0x20: ("Request", "Request", "client"), 0x21: ("Response", "Response", "server")}
KIND_OF = {name: kind for kind, (name, _, _) in KINDS.items()}


def _from(side, *but):
    return {name for name, _, by in KINDS.values() if by in (side, "both") and name not in but}


# What may come to whom in which state (section 7).
ALLOWED = {"server.await_hello": {"Hello", "Goodbye"}, "server.open": _from("client", "Hello"),
           "client.hello_sent": {"Welcome", "Goodbye"}, "client.open": _from("server", "Welcome")}


class Fault(Exception):
    """What came breaks the protocol; `code` names the close code."""

    def __init__(self, code, reason=""):
        super().__init__(f"{code}: {reason}")
        self.code, self.reason = code, reason


USER = re.compile(r"[a-zA-Z0-9._-]{1,64}")
CHAT = re.compile(r"dm:([a-zA-Z0-9._-]{1,64}):([a-zA-Z0-9._-]{1,64})|(?:group|room):[a-zA-Z0-9._-]{1,64}")


def is_user(text):
    return USER.fullmatch(text) is not None


def is_chat(text):
    match = CHAT.fullmatch(text)
    return match is not None and (match[1] is None or match[1] <= match[2])


# The tables of SPEC.md: number name type bound, with a comma between fields. A star before the type is
# "repeated". A dot in a name parts a oneof from its member; with nothing before it, the oneof is the
# whole message. Bounds: `user`, `chat` (with ? also empty), `=16` bytes, `<=n` bytes or elements,
# `>=1`, `1..n`, `known` enum, `needed`, `maybe` absent (None), with a bound or without.
_TABLE = """
Hello: 1 user string user, 2 device string user, 3 credential Credential, 4 client string <=64, 5 wanted Limits, 6 start Start, 7 device_name string <=64, 8 platform string <=32
Credential: 1 .open Unit, 2 .password string <=256, 3 .token string <=3072, 4 .ticket bytes <=512
Unit:
Limits: 1 max_body uint32, 2 window uint32, 3 heartbeat_ms uint32, 4 max_content uint32, 5 sends uint32
Start: 1 .everything Unit, 2 .last uint32 1..10000, 3 .newest Unit
Welcome: 1 session bytes =16, 2 limits Limits, 3 ticket bytes <=512, 4 ticket_expires_ms uint64, 5 now_ms uint64, 6 server string <=64, 7 new_device bool
Verdict: 1 code uint32, 2 reason string <=256, 3 fault Fault, 4 retry Retry, 5 retry_after_ms uint32
Ping: 1 token uint64
Pong: 1 token uint64
Send: 1 chat string chat, 2 message_id bytes =16, 3 content bytes
Accepted: 1 chat string chat, 2 message_id bytes =16, 3 seq uint64 >=1, 4 at_ms uint64, 5 duplicate bool
Rejected: 1 chat string chat, 2 message_id bytes =16, 3 verdict Verdict
Entry: 1 chat string chat, 2 seq uint64 >=1, 3 sender string user, 4 message_id bytes =16, 5 at_ms uint64, 6 content bytes
Content: 1 .text Text, 2 .data Data, 3 .edited Edited, 4 .recalled Recalled, 5 .reacted Reacted, 6 .pinned Pinned, 7 .erased Erased, 8 context Context maybe, 16 .group_created GroupCreated, 17 .members_added MembersAdded, 18 .members_removed MembersRemoved, 19 .member_left MemberLeft, 20 .group_renamed GroupRenamed, 21 .group_described GroupDescribed, 22 .rules_set RulesSet, 23 .roles_given RolesGiven, 24 .owner_changed OwnerChanged, 25 .members_muted MembersMuted, 26 .group_dissolved Unit, 27 .member_joined MemberJoined, 32 .room_opened RoomOpened, 33 .room_set RoomSet, 34 .room_moderators RoomModerators, 35 .room_muted RoomMuted, 40 .file_sent FileSent
Text: 1 body string
Data: 1 media_type string, 2 body bytes
Edited: 1 seq uint64, 2 new.text Text, 3 new.data Data
Recalled: 1 seq uint64
Reacted: 1 seq uint64, 2 reaction string, 3 taken_back bool
Pinned: 1 seq uint64, 2 unpinned bool
Erased: 1 by uint64, 2 expired uint64
Context: 1 reply_to uint64, 2 thread uint64, 3 forwarded Origin maybe, 4 mentions *string <=50, 5 mentions_all bool, 6 expires_after_ms uint64
Origin: 1 chat string, 2 seq uint64, 3 sender string
ScheduledName: 1 chat string chat, 2 message_id bytes =16
Schedule: 1 name ScheduledName needed, 2 content bytes, 3 at_ms uint64
ScheduledRequest: 1 after ScheduledName maybe, 2 limit uint32
ScheduledMessage: 1 name ScheduledName needed, 2 content bytes, 3 at_ms uint64, 4 failed Verdict maybe
ScheduledPage: 1 messages *ScheduledMessage <=200, 2 more bool
PinsRequest: 1 chat string chat
PinsList: 1 pins *Pin <=50
Pin: 1 seq uint64 >=1
ThreadRequest: 1 chat string chat, 2 seq uint64, 3 after uint64, 4 limit uint32
ThreadPage: 1 entries *Entry <=200, 2 more bool
SearchRequest: 1 words string <=256, 2 chat string chat?, 3 before SearchPlace maybe, 4 limit uint32
SearchPlace: 1 at_ms uint64, 2 chat string chat, 3 seq uint64 >=1
SearchPage: 1 entries *Entry <=200, 2 next SearchPlace maybe
GroupCreated: 1 name string, 2 members *string <=100
MembersAdded: 1 users *string <=100
MembersRemoved: 1 users *string <=100
MemberLeft: 1 new_owner string
GroupRenamed: 1 name string
GroupDescribed: 1 topic string maybe, 2 avatar string maybe
RulesSet: 1 rules GroupRules
GroupRules: 1 members_add bool, 2 only_admins_write bool, 3 history_for_all bool, 4 join_rule JoinRule
RolesGiven: 1 users *string <=100, 2 role Role
OwnerChanged: 1 user string
MembersMuted: 1 users *string <=100, 2 until_ms uint64
RoomOpened: 1 name string, 2 topic string, 3 keep uint32, 4 slow_ms uint32
RoomSet: 1 keep uint32 maybe, 2 slow_ms uint32 maybe, 3 name string maybe, 4 topic string maybe
RoomModerators: 1 users *string <=100, 2 taken_back bool
RoomMuted: 1 users *string <=100, 2 until_ms uint64
FileSent: 1 file bytes, 2 name string, 3 media_type string, 4 size uint64, 5 sha256 bytes, 6 caption string, 7 from string
MemberJoined: 1 by JoinProof maybe
JoinProof: 1 invite bytes =8, 2 proof bytes =32
Ack: 1 cursors *Cursor <=256
Cursor: 1 chat string chat, 2 delivered uint64, 3 read uint64
Signal: 1 chat string chat, 2 kind SignalKind known, 3 data bytes <=256, 4 sender string user?
Notice: 1 .cursor CursorMoved, 2 .missed Unit, 3 .presence Presence, 4 .room_count RoomCount, 5 .own OwnChanged, 6 .join JoinNews, 7 .receipts ReceiptsMoved, 8 .keys KeysNews, 9 .schedule_failed Rejected
OwnChanged: 1 revision uint64
RoomCount: 1 room string room, 2 listeners uint32
JoinNews: 1 chat string chat, 2 user string user, 3 state JoinState
CursorMoved: 1 chat string chat, 2 user string user, 3 delivered uint64, 4 read uint64
Request: 1 id uint64, 2 operation.history HistoryRequest, 3 operation.chats ChatsRequest, 4 operation.chat ChatRequest, 5 operation.members MembersRequest, 6 operation.presence PresenceRequest, 8 operation.card CardRequest, 10 operation.invite Invite, 12 operation.uninvite Uninvite, 14 operation.invites InvitesRequest, 16 operation.pins PinsRequest, 18 operation.thread ThreadRequest, 20 operation.room_join RoomRequest, 22 operation.room_leave RoomRequest, 24 operation.room RoomRequest, 26 operation.watch WatchRequest, 28 operation.set_presence SetPresence, 30 operation.set_profile SetProfile, 32 operation.own OwnRequest, 34 operation.set_own SetOwn, 36 operation.hide Hide, 38 operation.recent RecentRequest, 40 operation.devices DevicesRequest, 42 operation.log_out LogOut, 44 operation.log_out_others Unit, 46 operation.set_contact SetContact, 48 operation.set_block Block, 50 operation.file_begin FileBegin, 52 operation.file_put FilePut, 54 operation.file_get FileGet, 56 operation.file_state FileStateRequest, 58 operation.files FilesRequest, 60 operation.ask_to_join AskToJoin, 62 operation.join_requests JoinRequestsRequest, 64 operation.refuse_join RefuseJoin, 70 operation.publish_keys PublishKeys, 72 operation.claim_key ClaimKey, 74 operation.keys KeysRequest, 76 operation.set_receipts SetReceipts, 80 operation.receipts ReceiptsRequest, 82 operation.readers ReadersRequest, 84 operation.watch_receipts WatchReceipts, 86 operation.schedule Schedule, 88 operation.unschedule ScheduledName, 90 operation.scheduled ScheduledRequest, 92 operation.search SearchRequest
Response: 1 id uint64, 2 result.refused Verdict, 3 result.history HistoryPage, 4 result.chats ChatsPage, 5 result.chat ChatState, 6 result.members MembersPage, 7 result.presence PresenceList, 9 result.card GroupCard, 11 result.invite Unit, 13 result.uninvite Unit, 15 result.invites InviteList, 17 result.pins PinsList, 19 result.thread ThreadPage, 21 result.room_join RoomState, 23 result.room_leave Unit, 25 result.room RoomState, 27 result.watch PresenceList, 29 result.set_presence Unit, 31 result.set_profile Unit, 33 result.own OwnPage, 35 result.set_own OwnSet, 37 result.hide OwnSet, 39 result.recent ChatsPage, 41 result.devices DevicesPage, 43 result.log_out Unit, 45 result.log_out_others Unit, 47 result.set_contact OwnSet, 49 result.set_block OwnSet, 51 result.file_begin FileState, 53 result.file_put FileState, 55 result.file_get FileChunk, 57 result.file_state FileState, 59 result.files FilesPage, 61 result.ask_to_join JoinAsked, 63 result.join_requests JoinRequestsPage, 65 result.refuse_join Unit, 71 result.publish_keys KeysState, 73 result.claim_key KeyBundle, 75 result.keys KeysPage, 77 result.set_receipts Unit, 81 result.receipts ReceiptsPage, 83 result.readers ReadersPage, 85 result.watch_receipts Unit, 87 result.schedule Unit, 89 result.unschedule Unit, 91 result.scheduled ScheduledPage, 93 result.search SearchPage
HistoryRequest: 1 chat string chat, 2 edge.after uint64, 3 edge.before uint64, 4 limit uint32
HistoryPage: 1 entries *Entry <=200, 2 more bool
ChatsRequest: 1 after string chat?, 2 limit uint32
ChatsPage: 1 chats *ChatState <=200, 2 more bool
ChatRequest: 1 chat string chat
ChatState: 1 chat string chat, 2 head uint64, 3 delivered uint64, 4 read uint64, 5 unread uint64, 6 name string <=128, 7 members uint32, 8 role Role, 9 peer_delivered uint64, 10 peer_read uint64, 11 last_at_ms uint64, 12 topic string <=512, 13 avatar string <=256, 14 rules GroupRules, 15 muted_until_ms uint64, 16 join_requests uint32, 17 marks Marks, 18 mentions uint64, 19 last Entry maybe
MembersRequest: 1 chat string chat, 2 after string user?, 3 limit uint32
MembersPage: 1 members *Member <=200, 2 more bool
Member: 1 user string user, 2 role Role, 3 delivered uint64, 4 read uint64, 5 muted_until_ms uint64
PresenceRequest: 1 users *string <=100
PresenceList: 1 users *Presence <=100
Presence: 1 user string user, 2 online bool, 3 last_seen_ms uint64, 4 away bool, 5 status string <=256
RoomRequest: 1 room string room
RoomState: 1 room string room, 2 name string <=128, 3 topic string <=512, 4 listeners uint32, 5 head uint64, 6 first uint64, 7 keep uint32, 8 slow_ms uint32, 9 role Role, 10 muted_until_ms uint64
WatchRequest: 1 add *string <=100, 2 remove *string <=100
SetPresence: 1 away bool
SetProfile: 1 status string <=256, 2 visible_to Visibility
FileBegin: 1 file bytes =16, 2 size uint64 >=1, 3 media_type string media, 4 sha256 bytes =32, 5 thumbnail bytes <=16384
FilePut: 1 file bytes =16, 2 offset uint64, 3 bytes bytes <=32768
FileGet: 1 file bytes =16, 2 chat string chat?, 3 offset uint64, 4 length uint32, 5 part FilePart
FileStateRequest: 1 file bytes =16, 2 chat string chat?
FileState: 1 file bytes =16, 2 size uint64 >=1, 3 have uint64, 4 complete bool, 5 media_type string media, 6 sha256 bytes =32, 7 thumbnail_bytes uint32
FileChunk: 1 file bytes =16, 2 offset uint64, 3 bytes bytes <=32768, 4 size uint64
FilesRequest: 1 after bytes file?, 2 limit uint32
FilesPage: 1 files *FileState <=200, 2 more bool, 3 used uint64, 4 quota uint64
InviteKey: 1 id bytes =8, 2 secret bytes =16
Invitation: 1 key InviteKey needed, 2 expires_ms uint64, 3 uses uint32, 4 asks bool, 5 made_by string user?
CardRequest: 1 chat string chat, 2 proof JoinProof maybe
GroupCard: 1 chat string chat, 2 name string <=128, 3 topic string <=512, 4 avatar string <=256, 5 members uint32, 6 way JoinWay
Invite: 1 chat string chat, 2 invitation Invitation needed
Uninvite: 1 chat string chat, 2 id bytes =8
InvitesRequest: 1 chat string chat
InviteList: 1 invitations *Invitation <=100
AskToJoin: 1 chat string chat, 2 proof JoinProof maybe
JoinAsked: 1 state JoinState
Contact: 1 user string user, 2 state ContactState, 3 name string <=128
SetContact: 1 user string user, 2 wanted bool maybe, 3 name string maybe<=128
Block: 1 user string user, 2 blocked bool
DevicesRequest: 1 after string user?, 2 limit uint32
DevicesPage: 1 devices *DeviceState <=200, 2 more bool
DeviceState: 1 device string user, 2 name string <=64, 3 platform string <=32, 4 client string <=64, 5 first_seen_ms uint64, 6 last_seen_ms uint64, 7 address string <=64, 8 online bool
LogOut: 1 device string user
JoinRequestsRequest: 1 chat string chat, 2 after string user?, 3 limit uint32
JoinRequestsPage: 1 requests *JoinRequest <=200, 2 more bool
JoinRequest: 1 user string user, 2 at_ms uint64
RefuseJoin: 1 chat string chat, 2 users *string <=100
RecentRequest: 1 before_ms uint64, 2 after string chat?, 3 limit uint32, 4 last_bytes uint32
OwnRequest: 1 after uint64, 2 limit uint32
OwnPage: 1 items *OwnItem <=200, 2 more bool, 3 revision uint64, 4 floor uint64
OwnItem: 1 revision uint64, 2 kind.marks ChatMarks, 3 kind.draft ChatDraft, 4 kind.hidden Hidden, 5 kind.contact Contact, 6 kind.block Block
ChatMarks: 1 chat string chat, 2 marks Marks
Marks: 1 quiet_until_ms uint64, 2 pinned uint32, 3 archived bool, 4 unread bool
ChatDraft: 1 chat string chat, 2 text string <=3072, 3 reply_to uint64
Hidden: 1 chat string chat, 2 ranges *SeqRange <=1024
SeqRange: 1 first uint64 >=1, 2 last uint64
SetOwn: 1 .marks SetMarks, 2 .draft ChatDraft
SetMarks: 1 chat string chat, 2 quiet_until_ms uint64 maybe, 3 pinned uint32 maybe, 4 archived bool maybe, 5 unread bool maybe
OwnSet: 1 revision uint64
Hide: 1 chat string chat, 2 ranges *SeqRange <=100
ReceiptsRequest: 1 chat string chat, 2 ranges *SeqRange <=64
ReceiptsPage: 1 steps *ReceiptStep <=200, 2 more bool, 3 hidden bool
ReceiptStep: 1 first uint64, 2 last uint64, 3 members uint32, 4 delivered uint32, 5 read uint32
ReadersRequest: 1 chat string chat, 2 seq uint64, 3 state ReceiptState, 4 after string user?, 5 limit uint32
ReadersPage: 1 users *string <=200, 2 next string user?
WatchReceipts: 1 add *string <=16, 2 remove *string <=16
ReceiptsMoved: 1 chat string chat
SetReceipts: 1 rule ReceiptRule
PublishKeys: 1 identity bytes <=256, 2 proof bytes <=512, 3 prekey bytes <=2048, 4 one_time *OneTimeKey <=100
OneTimeKey: 1 id uint64 >=1, 2 key bytes <=2048
KeysState: 1 left uint32, 2 highest uint64
ClaimKey: 1 claim bytes =16, 2 user string user, 3 device string user
KeyBundle: 1 identity bytes <=256, 2 prekey bytes <=2048, 3 one_time OneTimeKey maybe
KeysRequest: 1 user string user, 2 after string user?, 3 limit uint32
KeysPage: 1 devices *DeviceKeys <=200, 2 more bool
DeviceKeys: 1 device string user, 2 identity bytes <=256, 3 proof bytes <=512, 4 state KeysState maybe
KeysNews: 1 user string user, 2 device DeviceKeys needed
"""
ENUMS = {"Fault": ["UNSPECIFIED", "PEER", "SERVER", "POLICY"], "Retry": ["UNSPECIFIED", "NEVER", "AT_ONCE", "LATER"],
         "SignalKind": ["UNSPECIFIED", "TYPING", "STOPPED", "CUSTOM"], "Role": ["UNSPECIFIED", "MEMBER", "OWNER", "ADMIN"],
         "JoinRule": ["INVITED", "ASK", "ANYONE"], "JoinWay": ["UNSPECIFIED", "MEMBER", "JOIN", "ASK"],
         "Visibility": ["UNSPECIFIED", "EVERYONE", "CONTACTS", "NOBODY"], "FilePart": ["WHOLE", "THUMBNAIL"],
         "ReceiptState": ["UNSPECIFIED", "READ", "DELIVERED", "WAITING"], "ReceiptRule": ["UNSPECIFIED", "TOLD", "HIDDEN"],
         "JoinState": ["UNSPECIFIED", "WAITING", "REFUSED", "MEMBER"],
         "ContactState": ["UNSPECIFIED", "ASKED", "ASKS", "CONTACT"]}
# What an unknown number of an enum counts as, if it is not UNSPECIFIED.
UNKNOWN = {"FilePart": "WHOLE"}
# Written although they may be empty [G-1].
ALWAYS = {("Hello", "credential"), ("Hello", "wanted"), ("Welcome", "limits"), ("Rejected", "verdict"),
          ("RulesSet", "rules")}
# What a oneof without a known member means; it is a fault where nothing is named here.
NO_MEMBER = {"Start": None, "Content": None, "Edited": None, "Notice": None, "Request": None, "SetOwn": None, "OwnItem": None, "HistoryRequest": {"before": 0}}

Field = collections.namedtuple("Field", "number name oneof type repeated bound")
MESSAGES = {}
for _line in _TABLE.strip().splitlines():
    _name, _, _fields = _line.partition(":")
    MESSAGES[_name] = {}
    for _words in (f.split() for f in _fields.split(",") if f.strip()):
        _oneof, _dot, _member = _words[1].rpartition(".")
        MESSAGES[_name][int(_words[0])] = Field(
            int(_words[0]), _member, _oneof if _dot else None, _words[2].lstrip("*"),
            _words[2].startswith("*"), _words[3] if len(_words) > 3 else "")
DEFAULTS = {"uint32": 0, "uint64": 0, "bool": False, "string": "", "bytes": b"", **{e: names[0] for e, names in ENUMS.items()}}


def _read_varint(data, at):
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise Fault("BAD_BODY", "a varint is cut short")
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            break
    else:
        raise Fault("BAD_BODY", "a varint of more than 10 bytes")
    if value >> 64:
        raise Fault("BAD_BODY", "a varint of more than 64 bits")
    return value, at


def _read_fields(data):
    """The (number, wire type, value) of a body. Fixed 4 and 8 bytes have no known field: value None."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, wire, value = key >> 3, key & 7, None
        if not 0 < number < 1 << 29 or wire in (3, 4, 6, 7):
            raise Fault("BAD_BODY", f"field {number} of wire type {wire}")
        if wire == 0:
            value, at = _read_varint(data, at)
        else:
            length = {1: 8, 5: 4}.get(wire)
            if length is None:
                length, at = _read_varint(data, at)
                value = data[at:at + length]
            at += length
            if at > len(data):
                raise Fault("BAD_BODY", "a value is cut short")
        yield number, wire, value


def _merge(name, data, message, counts):
    """Reads a body into `message`, which holds what came so far: later fields win or merge [P-4].
    Bounds wait for _complete, as only what is left in the end counts; but elements are counted here [P-11]."""
    for number, wire, value in _read_fields(data):
        field = MESSAGES[name].get(number)
        if field is None:
            continue  # of a later version [P-5]
        if wire != (0 if field.type in ("uint32", "uint64", "bool") or field.type in ENUMS else 2):
            raise Fault("BAD_BODY", f"{name}.{field.name} is of another wire type")
        holder = message
        if field.oneof is not None:
            holder = message.setdefault(field.oneof, {})
            if field.name not in holder:
                holder.clear()
        if field.type == "uint32":
            value &= 0xFFFFFFFF
        elif field.type == "bool":
            value = value != 0
        elif field.type in ENUMS:
            value = dict(enumerate(ENUMS[field.type])).get(value & 0xFFFFFFFF, UNKNOWN.get(field.type, "UNSPECIFIED"))  # [P-8, P-9]
        elif field.type == "string":
            try:
                value = str(value, "utf-8")
            except UnicodeDecodeError:
                raise Fault("BAD_BODY", f"{name}.{field.name} is not UTF-8") from None
        elif field.type in MESSAGES:
            old = {} if field.repeated else holder.get(field.name, {})
            value = _merge(field.type, value, old, counts)
        if field.repeated:
            counts[name, field.name] += 1
            if counts[name, field.name] > int(field.bound[2:]):
                raise Fault("BAD_BODY", f"{name}.{field.name} has too many elements")
            value = holder.get(field.name, []) + [value]
        holder[field.name] = value
    return message


def _check(where, value, bound):
    bound = bound.removeprefix("maybe")
    if bound in ("user", "user?"):
        good = is_user(value) or (bound == "user?" and not value)
    elif bound in ("chat", "chat?"):
        good = is_chat(value) or (bound == "chat?" and not value)
    elif bound == "room":
        good = is_chat(value) and value.startswith("room:")
    elif bound == "media":
        good = re.fullmatch("[ -~]{1,128}", value)
    elif bound == "file?":
        good = len(value) in (0, 16)
    elif bound == "known":
        good = value != "UNSPECIFIED"
    elif bound.startswith("<="):
        good = len(value.encode() if isinstance(value, str) else value) <= int(bound[2:])
    elif bound.startswith("="):
        good = len(value) == int(bound[1:])
    elif bound == ">=1":
        good = value >= 1
    else:
        lowest, highest = bound.split("..")
        good = int(lowest) <= value <= int(highest)
    if not good:
        raise Fault("BAD_BODY", f"{where} is out of its bounds")


def check_own(name, message):
    """What the tables do not say of a user's own state."""
    if name == "SeqRange" and message["last"] < message["first"]:
        raise Fault("BAD_BODY", "a range goes backwards")
    if name == "Hidden":
        ends = [(r["first"], r["last"]) for r in message["ranges"]]
        if len(ends) > 256 or any(high[0] <= low[1] + 1 for low, high in zip(ends, ends[1:])):
            raise Fault("BAD_BODY", "too many ranges, or two that could be one")
    if name == "ChatState" and message["last"] and len(encode("Entry", message["last"])) > 4096:
        raise Fault("BAD_BODY", "ChatState.last is out of its bounds")
    if name == "Request" and message.get("operation") == {"set_own": None}:
        message["operation"] = None  # an item of a later version is like an operation of one


def _complete(name, raw):
    """Fills in what is absent, and checks the bounds."""
    message = {}
    for field in MESSAGES[name].values():
        where = f"{name}.{field.name}"
        if field.oneof is None:
            value = raw.get(field.name, [] if field.repeated else DEFAULTS.get(field.type, {}))
            if field.bound.startswith("maybe") and field.name not in raw:
                message[field.name] = None
                continue
        elif field.name in raw.get(field.oneof, ()):
            value = raw[field.oneof][field.name]
        else:
            continue
        needed = field.bound == "needed" or (name, field.name) in (("Rejected", "verdict"), ("Welcome", "limits"))
        if needed and field.name not in raw:
            raise Fault("BAD_BODY", f"{where} is missing")
        if field.type in MESSAGES:
            value = [_complete(field.type, v) for v in value] if field.repeated else _complete(field.type, value)
        if name in ("PresenceRequest", "RefuseJoin", "WatchRequest", "ReadersPage") and field.repeated and not all(map(is_user, value)):
            raise Fault("BAD_BODY", "a user id is none")
        if name == "WatchReceipts" and not all(map(is_chat, value)):
            raise Fault("BAD_BODY", "a chat id is none")
        if field.bound and field.bound not in ("maybe", "needed"):
            _check(where, value, field.bound)
        if field.oneof is None:
            message[field.name] = value
        else:
            message[field.oneof] = {field.name: value}
    for oneof in {field.oneof for field in MESSAGES[name].values()} - {None} - set(message):
        if name not in NO_MEMBER:
            raise Fault("BAD_BODY", f"{name} without a known kind")
        message[oneof] = NO_MEMBER[name]
    check_own(name, message)
    if name == "FileState" and message["have"] > message["size"]:
        raise Fault("BAD_BODY", "more bytes than there are")
    if "" in message:
        kind = message.pop("")
        # What stands beside a oneof that is the whole message, if it is there.
        return kind and {**kind, **{name: value for name, value in message.items() if value is not None}}
    return message


def decode(name, data):
    """Bytes to a dict of all fields; a oneof is a dict of its one member. Raises Fault."""
    return _complete(name, _merge(name, bytes(data), {}, collections.Counter()))


def _varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode(name, message):
    """A dict, from which defaults may be missing, to its canonical bytes [G-1]."""
    out = bytearray()
    for number, field in sorted(MESSAGES[name].items()):
        if field.oneof is None:
            holder = message
        else:
            holder = (message if field.oneof == "" else message.get(field.oneof)) or {}
            if name == "HistoryRequest" and not holder:
                holder = {"before": 0}
        value = holder.get(field.name)
        needed = (name, field.name) in ALWAYS or (field.oneof is not None and field.name in holder)
        if value is None and not needed:
            continue
        needed = needed or field.bound == "needed" or field.bound.startswith("maybe")
        for value in value if field.repeated else [value]:
            if field.type in MESSAGES:
                part = encode(field.type, value or {})
                if not (part or needed or field.repeated):
                    continue
            elif not (needed or field.repeated) and value == DEFAULTS[field.type]:
                continue
            else:
                part = value.encode() if field.type == "string" else value
            if isinstance(part, bytes):
                out += _varint(number << 3 | 2) + _varint(len(part)) + part
            else:
                part = ENUMS[field.type].index(part) if field.type in ENUMS else int(part)
                out += _varint(number << 3) + _varint(part)
    return bytes(out)


def frame(name, message):
    body = encode(KINDS[KIND_OF[name]][1], message)
    head = len(body).to_bytes(4, "big") + bytes([KIND_OF[name], 0])
    return head + zlib.crc32(body, zlib.crc32(head)).to_bytes(4, "big") + body


class Frames:
    """Cuts a stream into packets. Iterating yields (name, body) as far as there are whole frames, and
    reads `limit` anew for each, as a Welcome raises it in the middle of what has come."""

    def __init__(self, limit):
        self.limit, self.data, self.skipped = limit, bytearray(), 0

    def __iter__(self):
        data = self.data
        while len(data) >= 4:
            length = int.from_bytes(data[:4], "big")
            if length > self.limit:
                raise Fault("FRAME_TOO_LARGE", f"{length} bytes of {self.limit}")
            if len(data) < 10 + length:
                return
            head, crc, body = bytes(data[:6]), int.from_bytes(data[6:10], "big"), bytes(data[10:10 + length])
            del data[:10 + length]
            if zlib.crc32(body, zlib.crc32(head)) != crc:
                raise Fault("BAD_CHECKSUM")
            if head[5] != 0:
                raise Fault("BAD_FRAME", "flags")
            if head[4] not in KINDS and head[4] < 0x80:
                raise Fault("UNKNOWN_KIND", hex(head[4]))
            name, message, _ = KINDS.get(head[4], (None, None, None))
            packet = decode(message, body) if name else None
            if packet is None:  # a kind [F-5] or a notice [N-6] of a later version
                self.skipped += 1
            else:
                yield name, packet
