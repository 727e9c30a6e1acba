"""A proxy in front of PostgreSQL that cuts the connection of one write at a chosen moment."""
import socket
import threading

from harness import DEADLINE_S

# The server's word that a transaction is over: after that it sends nothing by itself.
_READY = b"Z\x00\x00\x00\x05"

BEFORE = "before"  # the write does not reach the server
STAYS = "stays"    # nor does the end of the connection
AFTER = "after"    # it is committed, and the answer is lost
DURING = "during"  # it has reached the server, and the connection ends at once
FATES = (BEFORE, STAYS, AFTER, DURING)


class _Pair:
    """A connection of a client's, and the one to the server for it."""

    def __init__(self, client: socket.socket, server: socket.socket):
        self.client, self.server = client, server
        self.tail = b""
        self.fate: str | None = None

    def shut(self, *sockets: socket.socket) -> None:
        for one in sockets or (self.client, self.server):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Cutter:
    """Passes everything on, but for the next write that was armed for."""

    def __init__(self, port: int):
        self._target = port
        self._lock = threading.Lock()
        self._armed: tuple[bytes, str] | None = None
        self._pairs: list[_Pair] = []
        self._threads: list[threading.Thread] = []
        self._held: list[socket.socket] = []
        self._is_holding = False
        self.cut = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)

    def arm(self, marker: str, fate: str) -> None:
        """The next operation that has this text among its parameters meets this fate."""
        self.cut.clear()
        with self._lock:
            self._armed = (marker.encode(), fate)

    def hold(self, is_holding: bool) -> None:
        """From now on new connections are accepted and meet silence, or are passed on again."""
        with self._lock:
            self._is_holding = is_holding

    @property
    def held(self) -> int:
        """How many connections met silence."""
        with self._lock:
            return len(self._held)

    def close(self) -> None:
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        with self._lock:
            pairs, threads = list(self._pairs), list(self._threads)
        for pair in pairs:
            pair.shut()
        for thread in threads:
            thread.join(DEADLINE_S)
        for pair in pairs:
            pair.client.close()
            pair.server.close()
        for client in self._held:
            client.close()

    def _start(self, run: object, *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._is_holding:
                    self._held.append(client)
                    continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target), timeout=DEADLINE_S)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            pair = _Pair(client, server)
            with self._lock:
                self._pairs.append(pair)
                self._start(self._pass_requests, pair)
                self._start(self._pass_answers, pair)

    def _meets(self, pair: _Pair, data: bytes) -> None:
        seen = pair.tail + data
        pair.tail = seen[-100:]
        with self._lock:
            if self._armed is not None and self._armed[0] in seen:
                pair.fate = self._armed[1]
                self._armed = None

    def _pass_requests(self, pair: _Pair) -> None:
        try:
            while data := pair.client.recv(65536):
                if pair.fate is None:
                    self._meets(pair, data)
                if pair.fate in (BEFORE, STAYS):
                    self._end(pair, *([pair.client] if pair.fate == STAYS else []))
                    return
                pair.server.sendall(data)
                if pair.fate == DURING:
                    self._end(pair)
                    return
        except OSError:
            pass
        pair.shut()

    def _pass_answers(self, pair: _Pair) -> None:
        try:
            while data := pair.server.recv(65536):
                if pair.fate is None:
                    pair.client.sendall(data)
                elif pair.fate == AFTER and _READY in data:
                    self._end(pair)
                    return
        except OSError:
            pass
        if pair.fate != STAYS:
            pair.shut()

    def _end(self, pair: _Pair, *sockets: socket.socket) -> None:
        pair.shut(*sockets)
        self.cut.set()
