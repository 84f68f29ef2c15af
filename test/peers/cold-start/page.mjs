/**
 * A page that nothing looks on at while it loads: what Playwright records of pages' requests takes a
 * third and more of the time in which a page fetches a model.
 */
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;
const PATIENCE_MS = 60_000;

export class UnwatchedPage {
  #session;
  #context;
  #target;
  #answers = new Map();
  #sent = 0;

  /** An empty page in a context of its own, with empty caches. */
  static async open(browser) {
    const page = new UnwatchedPage();
    const session = await browser.newBrowserCDPSession();
    page.#session = session;
    page.#context = (await session.send('Target.createBrowserContext')).browserContextId;
    const { targetId } = await session.send('Target.createTarget', {
      url: 'about:blank',
      browserContextId: page.#context,
    });
    session.on('Target.receivedMessageFromTarget', ({ message }) => {
      const { id, result, error } = JSON.parse(message);
      page.#answers.get(id)?.({ result, error });
      page.#answers.delete(id);
    });
    const attached = await session.send('Target.attachToTarget', { targetId, flatten: false });
    page.#target = attached.sessionId;
    return page;
  }

  async #send(method, params) {
    const id = ++this.#sent;
    const answer = new Promise((resolve) => this.#answers.set(id, resolve));
    await this.#session.send('Target.sendMessageToTarget', {
      sessionId: this.#target,
      message: JSON.stringify({ id, method, params }),
    });
    const { result, error } = await answer;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /**
   * Goes to a page and waits until an expression there has a value.
   *
   * @param {string} url
   * @param {string} expression of JSON
   */
  async valueAt(url, expression) {
    await this.#send('Page.navigate', { url });
    for (const end = performance.now() + PATIENCE_MS; performance.now() < end; ) {
      await sleep(POLL_MS);
      const { result } = await this.#send('Runtime.evaluate', { expression, returnByValue: true });
      if (result.type !== 'undefined') return result.value;
    }
    throw new Error(`${url} gives no answer within ${PATIENCE_MS / 1000} s`);
  }

  async close() {
    await this.#session.send('Target.disposeBrowserContext', { browserContextId: this.#context });
    await this.#session.detach();
  }
}
