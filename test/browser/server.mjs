import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';

const CONTENT_TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/**
 * Serves folders over HTTP on a free port of the loopback interface.
 *
 * @param {Record<string, string>} folders URL prefix -> folder, e.g. {'/models/': '/some/folder'};
 *   the longest prefix that fits wins
 * @param {{isolated?: boolean, headers?: Record<string, string>}} [options] `isolated` sends the
 *   headers that make a page cross-origin isolated, so that it may share memory with workers
 * @returns {Promise<{origin: string, close(): Promise<void>}>}
 */
export async function serve(folders, { isolated = false, headers = {} } = {}) {
  const prefixes = Object.keys(folders).sort((a, b) => b.length - a.length);
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    const prefix = prefixes.find((candidate) => path.startsWith(candidate));
    const relative =
      prefix === undefined ? '' : normalize(path.slice(prefix.length) || 'index.html');
    const file = prefix === undefined ? '' : join(folders[prefix], relative);
    const size = relative.startsWith(`..${sep}`) ? undefined : fileSize(file);
    if (size === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      'content-type': CONTENT_TYPES[extname(file)] ?? 'application/octet-stream',
      'content-length': size,
      ...(isolated && {
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
      }),
      ...headers,
    });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://localhost:${server.address().port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function fileSize(file) {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats?.isFile() ? stats.size : undefined;
}
