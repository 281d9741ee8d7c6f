"""The client as packetboat-conformance drives it: lines of standard input go to one peer, and each text that
comes is printed. The convention is in ../../conformance/README.md.

    packetboat-conformance client -- python3 conformance_client.py
"""

import asyncio
import os
import sys

from packetboat import Client, Refused, Store
from packetboat_wire import Fault, decode

LINE_MAX = 1 << 20


def show(entry):
    try:
        text = decode("Content", entry["content"])["text"]["body"]
    except (Fault, KeyError, TypeError):
        text = "?"
    print(text or "?", flush=True)


async def lines():
    reader = asyncio.StreamReader(LINE_MAX)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await reader.readline():
        yield line.decode().rstrip("\n")


async def main():
    host, port = os.environ["PACKETBOAT_SERVER"].rsplit(":", 1)
    user, peer = os.environ["PACKETBOAT_USER"], os.environ["PACKETBOAT_PEER"]
    chat = f"dm:{min(user, peer)}:{max(user, peer)}"
    client = Client(host, int(port), user, {"open": {}}, Store(), show)
    running = asyncio.create_task(client.run())
    async for line in lines():
        client.send(chat, line)
    while client.store.outbox and not running.done():
        await asyncio.sleep(0.05)
    client.close()
    try:
        await running
    except Refused as refused:
        print(refused, file=sys.stderr)


asyncio.run(main())
