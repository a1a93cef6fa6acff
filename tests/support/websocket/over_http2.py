"""WebSocket connections as streams of HTTP/2 (RFC 8441), with what `visit` uses of the library's own
connections: HTTP/2 is python3-h2's, the frames of WebSockets are python3-websockets'."""

import asyncio
import urllib.parse

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
import websockets
from websockets.connection import Connection, Side, State
from websockets.frames import Opcode

PER_CONNECTION = 50  # Streams; servers take 100.

# The library takes a GOAWAY for the end of everything; what was begun before it goes on (RFC 9113
# §6.8).
_OPEN = h2.connection.ConnectionState.CLIENT_OPEN
h2.connection.H2ConnectionStateMachine._transitions[
    (_OPEN, h2.connection.ConnectionInputs.RECV_GOAWAY)] = (None, _OPEN)


class Refused(Exception):
    def __init__(self, status):
        super().__init__(f"refused with {status}")
        self.status = status


class WebSocket:
    """One stream. A message is text or octets, as it comes."""

    def __init__(self, link, stream):
        self._link = link
        self._stream = stream
        self._frames = Connection(Side.CLIENT, max_size=None)
        self._messages = asyncio.Queue()
        self._parts = []
        self._over = asyncio.get_running_loop().create_future()
        self._accepted = asyncio.get_running_loop().create_future()
        self._room = asyncio.Event()
        self._sending = asyncio.Lock()
        self._ended = False

    @property
    def close_code(self):
        return 1006 if self._frames.close_code is None else self._frames.close_code

    async def accepted(self):
        await self._accepted

    async def send(self, text):
        if self._over.done() or self._frames.state is not State.OPEN:
            raise websockets.ConnectionClosedError(None, None)
        self._frames.send_text(text.encode())
        await self._flush()

    async def recv(self):
        message = await self._messages.get()
        if message is None:
            self._messages.put_nowait(None)
            raise websockets.ConnectionClosedError(None, None)
        return message

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await self.recv()

    async def close(self):
        self._frames.send_close(1000)
        await self._flush()
        await self._over

    async def wait_closed(self):
        await self._over

    async def _flush(self):
        async with self._sending:
            for data in self._frames.data_to_send():
                if not data:
                    continue  # The library would close the connection: that is the server's part.
                await self._send_octets(data)

    async def _send_octets(self, data):
        http = self._link.http
        while data and not self._ended:
            try:
                room = min(http.local_flow_control_window(self._stream),
                           http.max_outbound_frame_size)
                if room > 0:
                    http.send_data(self._stream, data[:room])
            except h2.exceptions.ProtocolError:
                self.ended()  # Its stream was closed meanwhile.
                return
            if room <= 0:
                self._room.clear()
                await self._room.wait()
                continue
            data = data[room:]
            self._link.write()

    # What the link tells.

    def response(self, headers):
        status = int(dict(headers)[":status"])
        if self._accepted.done():
            return
        if status == 200:
            self._accepted.set_result(None)
        else:
            self._accepted.set_exception(Refused(status))

    def octets(self, data):
        self._frames.receive_data(data)
        for frame in self._frames.events_received():
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                if frame.opcode != Opcode.CONT:
                    self._text = frame.opcode == Opcode.TEXT
                self._parts.append(frame.data)
                if frame.fin:
                    whole = b"".join(self._parts)
                    self._parts = []
                    self._messages.put_nowait(whole.decode() if self._text else whole)
        # Answers to what came; whoever reads must not wait for a window.
        self._answering = asyncio.ensure_future(self._flush())

    def window_opened(self):
        self._room.set()

    def ended(self):
        if self._ended:
            return
        self._ended = True
        self._frames.receive_eof()
        self._room.set()
        if not self._over.done():
            self._over.set_result(None)
        if not self._accepted.done():
            self._accepted.set_exception(Refused("an end of the stream"))
        self._messages.put_nowait(None)


class Link:
    """One connection of HTTP/2, and what reads it."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer
        self._sockets = {}
        self._settled = asyncio.get_running_loop().create_future()
        self.http = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))

    async def begin(self):
        self.http.initiate_connection()
        self.write()
        self._task = asyncio.ensure_future(self._read())
        await self._settled
        announced = self.http.remote_settings.enable_connect_protocol
        if announced != 1:
            raise SystemExit("RFC 8441 is not announced")

    def write(self):
        self._writer.write(self.http.data_to_send())

    async def open(self, url):
        stream = self.http.get_next_available_stream_id()
        socket = WebSocket(self, stream)
        self._sockets[stream] = socket
        self.http.send_headers(stream, [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https" if url.scheme == "wss" else "http"),
            (":path", url.path + ("?" + url.query if url.query else "")),
            (":authority", url.netloc),
            ("sec-websocket-version", "13"),
        ])
        self.write()
        await socket.accepted()
        return socket

    async def _read(self):
        try:
            while data := await self._reader.read(65536):
                for event in self.http.receive_data(data):
                    self._take(event)
                self.write()
        except (ConnectionError, h2.exceptions.ProtocolError):
            pass
        for socket in self._sockets.values():
            socket.ended()

    def _take(self, event):
        if isinstance(event, h2.events.RemoteSettingsChanged):
            if not self._settled.done():
                self._settled.set_result(None)
            return
        socket = self._sockets.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.WindowUpdated):
            for each in [socket] if socket else self._sockets.values():
                each.window_opened()
        elif socket is None:
            return
        elif isinstance(event, h2.events.ResponseReceived):
            socket.response(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            socket.octets(event.data)
        elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
            socket.ended()


async def connect_all(text, count, context=None, server_hostname=None):
    """So many WebSockets, over as few connections as they fit into."""
    url = urllib.parse.urlsplit(text)
    if context:
        context.set_alpn_protocols(["h2"])
    sockets = []
    for i in range(count):
        if i % PER_CONNECTION == 0:
            link = Link(*await asyncio.open_connection(
                url.hostname, url.port, ssl=context, server_hostname=server_hostname))
            await link.begin()
        sockets.append(await link.open(url))
    return sockets
