/** The socket that the document opened before its modules were there (templates/causeway/boot.js), for the first connection. */

interface Early {
  url: string;
  socket: WebSocket;
  /** what came until now */
  heard: MessageEvent[];
}

declare global {
  interface Window {
    causewayEarly?: Early | undefined;
  }
}

/** Makes sockets: the first one is the early one, if it is still good. */
export const FirstEarly = function (url: string): WebSocket {
  const early = window.causewayEarly;
  window.causewayEarly = undefined;
  if (!early || early.url !== url || early.socket.readyState > WebSocket.OPEN) return new WebSocket(url);
  const { socket, heard } = early;
  const wasOpen = socket.readyState === WebSocket.OPEN;
  // Whoever asked sets its listeners now; then it hears what it has missed.
  queueMicrotask(() => {
    if (wasOpen) socket.onopen?.(new Event("open"));
    for (const message of heard) socket.onmessage?.(message);
  });
  return socket;
} as unknown as new (url: string) => WebSocket;
