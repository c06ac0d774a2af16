// A proxy before the server, because a small model answers faster than a user can press a button.

import { connect, createServer } from "node:net";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

const proxies = new Set();

/** Passes on what arrives in small pieces, so that a reply takes some seconds. */
async function* slowly(chunks) {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += 512) {
      await sleep(5);
      yield chunk.subarray(at, at + 512);
    }
  }
}

/** A slow connection to the server, which can be cut. */
export const slowConnection = async (url) => {
  const sockets = new Set();
  const { hostname, port } = new URL(url);
  const proxy = createServer((client) => {
    const server = connect(Number(port), hostname);
    for (const socket of [client, server]) {
      sockets.add(socket);
      // A cut is an error on both ends.
      socket.on("error", () => {});
    }
    client.pipe(server);
    // Ends when one of them is closed.
    pipeline(server, slowly, client).catch(() => {});
  });
  proxies.add(proxy);
  const listen = (port) => new Promise((resolve) => { proxy.listen(port, "127.0.0.1", resolve); });
  await listen(0);
  const own = proxy.address().port;
  return {
    url: `http://127.0.0.1:${own}/`,
    cut: () => new Promise((resolve) => {
      proxy.close(resolve);
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    }),
    restore: () => listen(own),
  };
};

/** Ends all proxies, so that the process can end. */
export const closeConnections = () => {
  for (const proxy of proxies) proxy.close();
};
