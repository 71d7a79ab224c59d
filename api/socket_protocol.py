"""uvicorn's WebSocket protocol, with back-pressure: who does not read is not read from either.

Answers to pings are written without waiting. Without this a client that sends pings and never reads makes the server
keep every answer; with it the client's own sending stops, and the keep-alive ping ends it.
"""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class SocketProtocol(WebSocketsSansIOProtocol):
    def pause_writing(self) -> None:
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()
