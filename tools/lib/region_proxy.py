# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Takes connections that a router redirects here, and passes on what they carry after a while, each way."""

import asyncio
import socket
import struct
import sys

ORIGINAL_DESTINATION = 80
PIECE = 64 * 1024
PIECES_ON_THE_WAY = 256


async def carry(reader, writer, seconds):
    """Pieces arrive so long after they were sent, in order, and many are on the way at once."""
    pieces = asyncio.Queue(PIECES_ON_THE_WAY)
    clock = asyncio.get_running_loop().time

    async def take():
        try:
            while data := await reader.read(PIECE):
                await pieces.put((clock() + seconds, data))
        except OSError:
            pass
        await pieces.put((clock() + seconds, b""))

    taking = asyncio.create_task(take())
    try:
        while True:
            due, data = await pieces.get()
            await asyncio.sleep(due - clock())
            if not data:
                break
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    finally:
        taking.cancel()


async def serve(port, seconds):
    async def accept(reader, writer):
        data = writer.get_extra_info("socket").getsockopt(socket.SOL_IP, ORIGINAL_DESTINATION, 16)
        target_port, address = struct.unpack("!2xH4s8x", data)
        other = None
        try:
            there, other = await asyncio.open_connection(socket.inet_ntoa(address), target_port)
            await asyncio.gather(carry(reader, other, seconds), carry(there, writer, seconds))
        except OSError:
            pass
        finally:
            for one in (writer, other):
                if one is not None:
                    one.close()

    server = await asyncio.start_server(accept, "0.0.0.0", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
